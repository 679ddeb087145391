;; A component that depends on a probe, and exports what the probe gives it. Its
;; own environment is its host's.
(component
  (import "wasi:cli/environment@0.2.3" (instance $own
    (export "get-environment" (func (result (list (tuple string string)))))))
  (import "wasi:http/types@0.2.3" (instance $http
    (export "outgoing-request" (type $request (sub resource)))
    (export "[constructor]outgoing-request" (func (result (own $request))))))
  (import "probe:probe/environment@1.0.0" (instance $environment
    (export "get-environment" (func (result (list (tuple string string)))))
    (export "initial-cwd" (func (result (option string))))))
  (import "probe:probe/variables@1.0.0" (instance $variables
    (type $error' (variant (case "invalid-name" string) (case "undefined" string) (case "provider" string) (case "other" string)))
    (export "error" (type $error (eq $error')))
    (export "get" (func (param "name" string) (result (result string (error $error)))))))
  (import "probe:probe/config@1.0.0" (instance $config
    (type $error' (variant (case "provider" string) (case "invalid-key" string) (case "other" string)))
    (export "error" (type $error (eq $error')))
    (export "get-config" (func (param "key" string) (result (result string (error $error)))))))
  (import "probe:probe/redis@1.0.0" (instance $redis
    (type $error' (enum "success" "error"))
    (export "error" (type $error (eq $error')))
    (export "incr" (func (param "address" string) (result (result s64 (error $error)))))))
  (import "probe:probe/store@1.0.0" (instance $store
    (type $error' (variant (case "no-such-store") (case "access-denied") (case "other" string)))
    (export "error" (type $error (eq $error')))
    (export "bucket" (type $bucket (sub resource)))
    (export "open" (func (param "identifier" string) (result (result (own $bucket) (error $error)))))))
  (alias export $http "outgoing-request" (type $request))
  (import "probe:probe/types@1.0.0" (instance $types
    (type $dns' (record (field "rcode" (option string))))
    (export "dns-error" (type $dns (eq $dns')))
    (type $code' (variant (case "dns" $dns) (case "internal-error" (option string))))
    (export "error-code" (type (eq $code')))
    (export "future-incoming-response" (type (sub resource)))))
  (alias export $types "future-incoming-response" (type $future))
  (alias export $types "error-code" (type $code))
  (import "probe:probe/handler@1.0.0" (instance $handler
    (alias outer 1 $request (type $request'))
    (alias outer 1 $future (type $future'))
    (alias outer 1 $code (type $code'))
    (export "outgoing-request" (type $request (eq $request')))
    (export "future-incoming-response" (type $future (eq $future')))
    (export "error-code" (type $code (eq $code')))
    (export "handle" (func (param "request" (own $request)) (param "options" (option u32)) (result (result (own $future) (error $code)))))))
  (import "probe:probe/postgres@1.0.0" (instance $postgres
    (type $error' (variant (case "connection-failed" string) (case "other" string)))
    (export "error" (type $error (eq $error')))
    (export "connection-builder" (type $builder (sub resource)))
    (export "[constructor]connection-builder" (func (param "address" string) (result (own $builder))))
    (export "[method]connection-builder.build" (func (param "self" (borrow $builder)) (result (result u32 (error $error)))))))

  (export "out:app/own" (instance $own))
  (export "out:app/http" (instance $http))
  (export "out:app/environment" (instance $environment))
  (export "out:app/variables" (instance $variables))
  (export "out:app/config" (instance $config))
  (export "out:app/redis" (instance $redis))
  (export "out:app/store" (instance $store))
  (export "out:app/types" (instance $types))
  (export "out:app/handler" (instance $handler))
  (export "out:app/postgres" (instance $postgres))
)
