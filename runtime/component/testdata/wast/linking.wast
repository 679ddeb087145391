;; A cycle of modules, broken by a table: the main module calls through a shim
;; what is filled in afterwards, and what is filled in uses its memory.
(component
  (component $Inner
    (import "log" (func $log (param "s" string) (result u32)))
    (core module $Shim
      (table (export "$imports") 1 1 funcref)
      (type $t (func (param i32 i32) (result i32)))
      (func (export "0") (param i32 i32) (result i32)
        (call_indirect (type $t) (local.get 0) (local.get 1) (i32.const 0))))
    (core instance $shim (instantiate $Shim))
    (core module $Main
      (import "" "log" (func $log (param i32 i32) (result i32)))
      (memory (export "mem") 1)
      (data (i32.const 10) "hello")
      (func (export "run") (result i32) (call $log (i32.const 10) (i32.const 5))))
    (core instance $main (instantiate $Main (with "" (instance (export "log" (func $shim "0"))))))
    (core func $log' (canon lower (func $log) (memory (core memory $main "mem"))))
    (core module $Fixup
      (import "" "$imports" (table 1 1 funcref))
      (import "" "0" (func (param i32 i32) (result i32)))
      (elem (i32.const 0) func 0))
    (core instance (instantiate $Fixup (with "" (instance (export "$imports" (table $shim "$imports")) (export "0" (func $log'))))))
    (func (export "run") (result u32) (canon lift (core func $main "run"))))
  (component $Log
    (core module $m
      (memory (export "mem") 1)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 100))
      (func (export "log") (param i32 i32) (result i32) (i32.add (local.get 1) (i32.load8_u (local.get 0)))))
    (core instance $i (instantiate $m))
    (func (export "log") (param "s" string) (result u32)
      (canon lift (core func $i "log") (memory (core memory $i "mem")) (realloc (core func $i "realloc")))))
  (instance $log (instantiate $Log))
  (instance $in (instantiate $Inner (with "log" (func $log "log"))))
  (export "run" (func $in "run")))
(assert_return (invoke "run") (u32.const 109))

;; Start functions run in order, and may call what is there already.
(component
  (core module $A
    (global $n (mut i32) (i32.const 0))
    (func (export "add") (param i32) (global.set $n (i32.add (i32.mul (global.get $n) (i32.const 10)) (local.get 0))))
    (func (export "get") (result i32) (global.get $n)))
  (core instance $a (instantiate $A))
  (core module $B (import "a" "add" (func $add (param i32))) (func $s (call $add (i32.const 1))) (start $s))
  (core instance (instantiate $B (with "a" (instance $a))))
  (core module $C (import "a" "add" (func $add (param i32))) (func $s (call $add (i32.const 2))) (start $s))
  (core instance (instantiate $C (with "a" (instance $a))))
  (func (export "get") (result u32) (canon lift (core func $a "get"))))
(assert_return (invoke "get") (u32.const 12))

;; Each instance of a component has memories and state of its own.
(component
  (component $Counter
    (core module $m
      (global $n (mut i32) (i32.const 0))
      (func (export "next") (result i32) (global.set $n (i32.add (global.get $n) (i32.const 1))) (global.get $n)))
    (core instance $i (instantiate $m))
    (func (export "next") (result u32) (canon lift (core func $i "next"))))
  (instance $a (instantiate $Counter))
  (instance $b (instantiate $Counter))
  (export "a" (func $a "next"))
  (export "b" (func $b "next")))
(assert_return (invoke "a") (u32.const 1))
(assert_return (invoke "a") (u32.const 2))
(assert_return (invoke "b") (u32.const 1))

;; While realloc runs, the guest may not call out.
(component
  (component $Other
    (core module $m (func (export "f")))
    (core instance $i (instantiate $m))
    (func (export "f") (canon lift (core func $i "f"))))
  (instance $o (instantiate $Other))
  (component $Main
    (import "f" (func $f))
    (core func $f' (canon lower (func $f)))
    (core module $m
      (import "" "f" (func $f))
      (memory (export "mem") 1)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (call $f) (i32.const 0))
      (func (export "take") (param i32 i32)))
    (core instance $i (instantiate $m (with "" (instance (export "f" (func $f'))))))
    (func (export "take") (param "s" string) (canon lift (core func $i "take") (memory (core memory $i "mem")) (realloc (core func $i "realloc")))))
  (instance $m (instantiate $Main (with "f" (func $o "f"))))
  (export "take" (func $m "take")))
(assert_trap (invoke "take" (str.const "x")) "cannot leave component instance")

;; What an instantiation does not supply, or supplies with another type.
(assert_invalid
  (component
    (core module $m (import "a" "f" (func)))
    (core instance (instantiate $m)))
  "missing module instantiation argument")
(assert_invalid
  (component
    (core module $n (func (export "f") (param i32)))
    (core instance $n (instantiate $n))
    (core module $m (import "a" "f" (func)))
    (core instance (instantiate $m (with "a" (instance $n)))))
  "expected func of another type")
(assert_invalid
  (component
    (component $c (import "f" (func (param "x" u32))))
    (component $d (core module $m (func (export "f") (param i64))) (core instance $i (instantiate $m))
      (func (export "f") (param "x" u64) (canon lift (core func $i "f"))))
    (instance $d (instantiate $d))
    (instance (instantiate $c (with "f" (func $d "f")))))
  "expected u32, found u64")
