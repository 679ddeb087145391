;; A component that calls itself without end.
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
      (func $deeper (param i32) (result i32) (i32.add (i32.const 1) (call $deeper (local.get 0))))
      (func (export "handle") (param i32 i32)
        (drop (call $deeper (local.get 0)))))
    (core instance $m (instantiate $M))
    (export $r "incoming-request" (type $request))
    (export $o "response-outparam" (type $outparam))
    (func (export "handle") (param "request" (own $r)) (param "response-out" (own $o)) (canon lift (core func $m "handle"))))
  (instance $handler (instantiate $Handler (with "request" (type $request)) (with "outparam" (type $outparam))))
  (export "wasi:http/incoming-handler@0.2.0" (instance $handler)))
