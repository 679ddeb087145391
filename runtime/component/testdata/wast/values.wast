;; Values: numbers are truncated to their width, whatever the other bits.
(component
  (core module $m
    (func (export "big") (result i32) (i32.const 0x12345680))
    (func (export "one") (result i32) (i32.const 2))
    (func (export "nan") (result f32) (f32.const nan:0x200001)))
  (core instance $i (instantiate $m))
  (func (export "u8") (result u8) (canon lift (core func $i "big")))
  (func (export "s8") (result s8) (canon lift (core func $i "big")))
  (func (export "u16") (result u16) (canon lift (core func $i "big")))
  (func (export "s16") (result s16) (canon lift (core func $i "big")))
  (func (export "bool") (result bool) (canon lift (core func $i "one")))
  (func (export "nan") (result f32) (canon lift (core func $i "nan"))))
(assert_return (invoke "u8") (u8.const 0x80))
(assert_return (invoke "s8") (s8.const -128))
(assert_return (invoke "u16") (u16.const 0x5680))
(assert_return (invoke "s16") (s16.const 0x5680))
(assert_return (invoke "bool") (bool.const true))
(assert_return (invoke "nan") (f32.const nan:canonical))

;; A char is a Unicode scalar value: no surrogate, not beyond U+10FFFF.
(component $char
  (core module $m (func (export "id") (param i32) (result i32) (local.get 0)))
  (core instance $i (instantiate $m))
  (func (export "to-char") (param "x" u32) (result char) (canon lift (core func $i "id"))))
(assert_return (invoke "to-char" (u32.const 0xd7ff)) (char.const "\u{d7ff}"))
(assert_return (invoke "to-char" (u32.const 0x10ffff)) (char.const "\u{10ffff}"))
(assert_trap (invoke "to-char" (u32.const 0xd800)) "invalid char")
(component
  (core module $m (func (export "id") (param i32) (result i32) (local.get 0)))
  (core instance $i (instantiate $m))
  (func (export "to-char") (param "x" u32) (result char) (canon lift (core func $i "id"))))
(assert_trap (invoke "to-char" (u32.const 0x110000)) "invalid char")

;; An enum with an unknown discriminant traps; after that so does everything.
(component
  (core module $m (func (export "id") (param i32) (result i32) (local.get 0)))
  (core instance $i (instantiate $m))
  (type $e' (enum "a" "b" "c"))
  (export $e "e" (type $e'))
  (func (export "to-enum") (param "x" u32) (result $e) (canon lift (core func $i "id"))))
(assert_return (invoke "to-enum" (u32.const 2)) (enum.const "c"))
(assert_trap (invoke "to-enum" (u32.const 3)) "unexpected discriminant")
(assert_trap (invoke "to-enum" (u32.const 2)) "cannot enter")

;; The payloads of a variant share core values: i32 and f32 as i32, i32 and
;; i64 as i64.
(component
  (core module $m
    (func (export "f") (param i32 i64) (result i64)
      (i64.add (local.get 1) (i64.extend_i32_u (local.get 0)))))
  (core instance $i (instantiate $m))
  (type $v' (variant (case "a" u32) (case "b" u64) (case "c" f32) (case "d")))
  (export $v "v" (type $v'))
  (func (export "f") (param "v" $v) (result u64) (canon lift (core func $i "f"))))
(assert_return (invoke "f" (variant.const "a" (u32.const 0xffffffff))) (u64.const 0xffffffff))
(assert_return (invoke "f" (variant.const "b" (u64.const 7))) (u64.const 8))
(assert_return (invoke "f" (variant.const "c" (f32.const 1))) (u64.const 0x3f800002))
(assert_return (invoke "f" (variant.const "d")) (u64.const 3))

;; Seventeen parameters go through memory, at the alignment of the widest.
(component
  (core module $m
    (memory (export "mem") 1)
    (global $next (mut i32) (i32.const 16))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (if (i32.ne (local.get 2) (i32.const 8)) (then unreachable))
      (if (i32.ne (local.get 3) (i32.const 32)) (then unreachable))
      (global.get $next))
    (func (export "last") (param i32) (result i64) (i64.load offset=24 (local.get 0))))
  (core instance $i (instantiate $m))
  (func (export "last")
    (param "a" u8) (param "b" u8) (param "c" u8) (param "d" u8) (param "e" u8) (param "f" u8) (param "g" u8) (param "h" u8)
    (param "i" u8) (param "j" u8) (param "k" u8) (param "l" u8) (param "m" u8) (param "n" u8) (param "o" u8) (param "p" u8)
    (param "q" u64) (result u64)
    (canon lift (core func $i "last") (memory (core memory $i "mem")) (realloc (core func $i "realloc")))))
(assert_trap (invoke "last"
  (u8.const 1) (u8.const 2) (u8.const 3) (u8.const 4) (u8.const 5) (u8.const 6) (u8.const 7) (u8.const 8)
  (u8.const 9) (u8.const 10) (u8.const 11) (u8.const 12) (u8.const 13) (u8.const 14) (u8.const 15) (u8.const 16)
  (u64.const 99)) "unreachable") ;; 24 bytes, not 32

;; Flags: bits without a label are ignored.
(component
  (core module $m (func (export "f") (result i32) (i32.const 0xfd)))
  (core instance $i (instantiate $m))
  (type $f' (flags "a" "b" "c"))
  (export $f "f" (type $f'))
  (func (export "get") (result $f) (canon lift (core func $i "f"))))
(assert_return (invoke "get") (flags.const "a" "c"))
