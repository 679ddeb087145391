;; A guest that changes a table.
(component
  (core module $m
    (table 2 funcref)
    (func $one (result i32) (i32.const 1))
    (elem declare func $one)
    (func (export "plant") (table.set (i32.const 1) (ref.func $one)))
    (func (export "look") (result i32) (i32.eqz (ref.is_null (table.get (i32.const 1))))))
  (core instance $i (instantiate $m))
  (func (export "plant") (canon lift (core func $i "plant")))
  (func (export "look") (result u32) (canon lift (core func $i "look"))))
