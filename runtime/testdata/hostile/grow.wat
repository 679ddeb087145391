;; A component that wants a table of 2^31 elements and a memory of 4 GiB, and
;; traps if it gets them. It never answers.
(component
  (import "wasi:http/types@0.2.0" (instance $types
    (export "incoming-request" (type (sub resource)))
    (export "response-outparam" (type (sub resource)))))
  (alias export $types "incoming-request" (type $request))
  (alias export $types "response-outparam" (type $outparam))
  (component $Handler
    (import "request" (type $request (sub resource)))
    (import "outparam" (type $outparam (sub resource)))
    (core module $M
      (memory 1)
      (table 1 funcref)
      (func (export "handle") (param i32 i32)
        (if (i32.ne (table.grow (ref.null func) (i32.const 0x7fffffff)) (i32.const -1)) (then unreachable))
        (if (i32.ne (memory.grow (i32.const 65535)) (i32.const -1)) (then unreachable))))
    (core instance $m (instantiate $M))
    (export $r "incoming-request" (type $request))
    (export $o "response-outparam" (type $outparam))
    (func (export "handle") (param "request" (own $r)) (param "response-out" (own $o)) (canon lift (core func $m "handle"))))
  (instance $handler (instantiate $Handler (with "request" (type $request)) (with "outparam" (type $outparam))))
  (export "wasi:http/incoming-handler@0.2.0" (instance $handler)))
