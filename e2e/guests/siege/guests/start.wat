;; A guest whose start function does not end.
(module
  (func $start (loop (br 0)))
  (start $start)
  (memory (export "memory") 1)
  (func (export "wasi:http/incoming-handler@0.2.0#handle") (param i32 i32)))
