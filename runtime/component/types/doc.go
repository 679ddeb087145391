// Package types holds the words of the component model: value types with their
// layout in linear memory, function, instance and component types, core types,
// resource identity, and the names of imports and exports.
//
// A type is immutable once built and is bounded: constructors refuse what is
// nested too deeply, weighs too much when written out in full, or takes too
// much room in memory, so a walk over any type that exists here terminates
// quickly. A resource type is its pointer: two resources are the same type if
// and only if they are the same *Resource.
package types
