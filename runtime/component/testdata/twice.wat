;; Two instances of one module, linked alike.
(component
  (core module $m
    (global $n (mut i32) (i32.const 0))
    (func (export "next") (result i32)
      (global.set $n (i32.add (global.get $n) (i32.const 1)))
      (global.get $n)))
  (core instance $a (instantiate $m))
  (core instance $b (instantiate $m))
  (func (export "a") (result u32) (canon lift (core func $a "next")))
  (func (export "b") (result u32) (canon lift (core func $b "next"))))
