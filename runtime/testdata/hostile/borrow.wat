;; A component that lends a resource to another beside it, which keeps it.
(component
  (import "wasi:http/types@0.2.0" (instance $types
    (export "incoming-request" (type (sub resource)))
    (export "response-outparam" (type (sub resource)))))
  (alias export $types "incoming-request" (type $request))
  (alias export $types "response-outparam" (type $outparam))
  (component $Keeper
    (import "request" (type $request (sub resource)))
    (core module $M (func (export "keep") (param i32)))
    (core instance $m (instantiate $M))
    (func (export "keep") (param "r" (borrow $request)) (canon lift (core func $m "keep"))))
  (component $Handler
    (import "request" (type $request (sub resource)))
    (import "outparam" (type $outparam (sub resource)))
    (import "keep" (func $keep (param "r" (borrow $request))))
    (core func $keep' (canon lower (func $keep)))
    (core module $M
      (import "" "keep" (func $keep (param i32)))
      (func (export "handle") (param i32 i32) (call $keep (local.get 0))))
    (core instance $m (instantiate $M (with "" (instance (export "keep" (func $keep'))))))
    (export $r "incoming-request" (type $request))
    (export $o "response-outparam" (type $outparam))
    (func (export "handle") (param "request" (own $r)) (param "response-out" (own $o)) (canon lift (core func $m "handle"))))
  (instance $keeper (instantiate $Keeper (with "request" (type $request))))
  (instance $handler (instantiate $Handler
    (with "request" (type $request)) (with "outparam" (type $outparam)) (with "keep" (func $keeper "keep"))))
  (export "wasi:http/incoming-handler@0.2.0" (instance $handler)))
