;; A component whose handler calls a component inside, which calls back into the
;; one that waits for it.
(component
  (import "wasi:http/types@0.2.0" (instance $types
    (export "incoming-request" (type (sub resource)))
    (export "response-outparam" (type (sub resource)))))
  (alias export $types "incoming-request" (type $request))
  (alias export $types "response-outparam" (type $outparam))
  (core module $Back (func (export "again")))
  (core instance $back (instantiate $Back))
  (func $again (canon lift (core func $back "again")))
  (component $Child
    (import "back" (func $back))
    (core func $back' (canon lower (func $back)))
    (core module $M
      (import "" "back" (func $back))
      (func (export "go") (call $back)))
    (core instance $m (instantiate $M (with "" (instance (export "back" (func $back'))))))
    (func (export "go") (canon lift (core func $m "go"))))
  (instance $child (instantiate $Child (with "back" (func $again))))
  (core func $go (canon lower (func $child "go")))
  (core module $Main
    (import "" "go" (func $go))
    (func (export "handle") (param i32 i32) (call $go)))
  (core instance $main (instantiate $Main (with "" (instance (export "go" (func $go))))))
  (type $handle (func (param "request" (own $request)) (param "response-out" (own $outparam))))
  (func $handler (type $handle) (canon lift (core func $main "handle")))
  (component $Handler
    (import "request" (type $request (sub resource)))
    (import "outparam" (type $outparam (sub resource)))
    (import "handle" (func $f (param "request" (own $request)) (param "response-out" (own $outparam))))
    (export $r "incoming-request" (type $request))
    (export $o "response-outparam" (type $outparam))
    (export "handle" (func $f) (func (param "request" (own $r)) (param "response-out" (own $o)))))
  (instance $handler' (instantiate $Handler
    (with "request" (type $request)) (with "outparam" (type $outparam)) (with "handle" (func $handler))))
  (export "wasi:http/incoming-handler@0.2.0" (instance $handler')))
