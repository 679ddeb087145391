package component

// wastHost is what scripts may import.
func wastHost() *Linker { return NewLinker() }
