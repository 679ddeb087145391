;; A guest whose start function does not end.
(component
  (core module $m (func $s (loop (br 0))) (start $s))
  (core instance (instantiate $m)))
