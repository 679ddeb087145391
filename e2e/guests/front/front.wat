;; A component that hands every request to the component that it depends on.
(component
  (import "wasi:http/types@0.2.0" (instance $types
    (export "incoming-request" (type (sub resource)))
    (export "response-outparam" (type (sub resource)))))
  (alias export $types "incoming-request" (type $request))
  (alias export $types "response-outparam" (type $out))
  (import "front:door/handler@1.0.0" (instance $handler
    (alias outer 1 $request (type $request'))
    (export "incoming-request" (type $request (eq $request')))
    (alias outer 1 $out (type $out'))
    (export "response-outparam" (type $out (eq $out')))
    (export "handle" (func (param "request" (own $request)) (param "response-out" (own $out))))))
  (export "wasi:http/incoming-handler@0.2.0" (instance $handler)))
