;; A guest that loops and has globals, by all names that it can think of, which it
;; fills again and again in the hope that one of them is its fuel.
(module
  (global $a (export "fuel") (mut i64) (i64.const 0))
  (global $b (export "refuel") (mut i64) (i64.const 0))
  (global $c (export "fuel0") (mut i64) (i64.const 0))
  (global $d (export "global0") (mut i64) (i64.const 0))
  (global $e (export "") (mut i64) (i64.const 0))
  (memory (export "memory") 1)
  (func $refill (export "tick")
    (global.set $a (i64.const 0x7fffffffffffffff))
    (global.set $b (i64.const 0x7fffffffffffffff))
    (global.set $c (i64.const 0x7fffffffffffffff))
    (global.set $d (i64.const 0x7fffffffffffffff))
    (global.set $e (i64.const 0x7fffffffffffffff)))
  (func (export "wasi:http/incoming-handler@0.2.0#handle") (param i32 i32)
    (loop (call $refill) (br 0))))
