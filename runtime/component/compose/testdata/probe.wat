;; A dependency that hands on what it imports: a test can see what a dependency
;; would see. It also has a function of its own, and takes a resource of the host.
(component
  (import "wasi:cli/environment@0.2.6" (instance $environment
    (export "get-environment" (func (result (list (tuple string string)))))
    (export "initial-cwd" (func (result (option string))))))
  (import "spin:variables/variables@3.0.0" (instance $variables
    (type $error' (variant (case "invalid-name" string) (case "undefined" string) (case "provider" string) (case "other" string)))
    (export "error" (type $error (eq $error')))
    (export "get" (func (param "name" string) (result (result string (error $error)))))))
  (import "fermyon:spin/config" (instance $config
    (type $error' (variant (case "provider" string) (case "invalid-key" string) (case "other" string)))
    (export "error" (type $error (eq $error')))
    (export "get-config" (func (param "key" string) (result (result string (error $error)))))))
  (import "fermyon:spin/redis" (instance $redis
    (type $error' (enum "success" "error"))
    (export "error" (type $error (eq $error')))
    (export "incr" (func (param "address" string) (result (result s64 (error $error)))))))
  (import "wasi:keyvalue/store@0.2.0-draft2" (instance $store
    (type $error' (variant (case "no-such-store") (case "access-denied") (case "other" string)))
    (export "error" (type $error (eq $error')))
    (export "bucket" (type $bucket (sub resource)))
    (export "open" (func (param "identifier" string) (result (result (own $bucket) (error $error)))))
    (export "[method]bucket.exists" (func (param "self" (borrow $bucket)) (param "key" string) (result (result bool (error $error)))))))
  (alias export $store "bucket" (type $bucket))
  (import "wasi:keyvalue/atomics@0.2.0-draft2" (instance $atomics
    (alias outer 1 $bucket (type $bucket'))
    (export "bucket" (type $bucket (eq $bucket')))
    (export "increment" (func (param "bucket" (borrow $bucket)) (result (result s64 (error string)))))))
  (import "wasi:http/types@0.2.6" (instance $types
    (type $dns' (record (field "rcode" (option string))))
    (export "dns-error" (type $dns (eq $dns')))
    (type $code' (variant (case "dns" $dns) (case "internal-error" (option string))))
    (export "error-code" (type (eq $code')))
    (export "outgoing-request" (type $request (sub resource)))
    (export "[constructor]outgoing-request" (func (result (own $request))))
    (export "future-incoming-response" (type (sub resource)))))
  (alias export $types "outgoing-request" (type $request))
  (alias export $types "future-incoming-response" (type $future))
  (alias export $types "error-code" (type $code))
  (import "wasi:http/outgoing-handler@0.2.6" (instance $handler
    (alias outer 1 $request (type $request'))
    (alias outer 1 $future (type $future'))
    (alias outer 1 $code (type $code'))
    (export "outgoing-request" (type $request (eq $request')))
    (export "future-incoming-response" (type $future (eq $future')))
    (export "error-code" (type $code (eq $code')))
    (export "handle" (func (param "request" (own $request)) (param "options" (option u32)) (result (result (own $future) (error $code)))))))
  (import "spin:postgres/postgres@4.2.0" (instance $postgres
    (type $error' (variant (case "connection-failed" string) (case "other" string)))
    (export "error" (type $error (eq $error')))
    (export "connection-builder" (type $builder (sub resource)))
    (export "[constructor]connection-builder" (func (param "address" string) (result (own $builder))))
    (export "[method]connection-builder.build" (func (param "self" (borrow $builder)) (result (result u32 (error $error)))))))

  (export "probe:probe/environment@1.0.0" (instance $environment))
  (export "probe:probe/variables@1.0.0" (instance $variables))
  (export "probe:probe/config@1.0.0" (instance $config))
  (export "probe:probe/redis@1.0.0" (instance $redis))
  (export "probe:probe/store@1.0.0" (instance $store))
  (export "probe:probe/atomics@1.0.0" (instance $atomics))
  (export "probe:probe/types@1.0.0" (instance $types))
  (export "probe:probe/handler@1.0.0" (instance $handler))
  (export "probe:probe/postgres@1.0.0" (instance $postgres))
)
