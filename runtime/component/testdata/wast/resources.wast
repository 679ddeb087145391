;; One table for all handles of an instance; freed indices are used again,
;; last freed first; index 0 is no handle; a handle has one type.
(component
  (type $A (resource (rep i32)))
  (type $B (resource (rep i32)))
  (core func $new-a (canon resource.new $A))
  (core func $new-b (canon resource.new $B))
  (core func $rep-a (canon resource.rep $A))
  (core func $drop-a (canon resource.drop $A))
  (core func $drop-b (canon resource.drop $B))
  (func (export "new-a") (param "r" u32) (result u32) (canon lift (core func $new-a)))
  (func (export "new-b") (param "r" u32) (result u32) (canon lift (core func $new-b)))
  (func (export "rep-a") (param "i" u32) (result u32) (canon lift (core func $rep-a)))
  (func (export "drop-a") (param "i" u32) (canon lift (core func $drop-a)))
  (func (export "drop-b") (param "i" u32) (canon lift (core func $drop-b))))
(assert_return (invoke "new-a" (u32.const 100)) (u32.const 1))
(assert_return (invoke "new-b" (u32.const 101)) (u32.const 2))
(assert_return (invoke "new-a" (u32.const 102)) (u32.const 3))
(assert_return (invoke "rep-a" (u32.const 3)) (u32.const 102))
(assert_return (invoke "drop-a" (u32.const 1)))
(assert_return (invoke "drop-b" (u32.const 2)))
(assert_return (invoke "new-b" (u32.const 103)) (u32.const 2))
(assert_return (invoke "new-b" (u32.const 104)) (u32.const 1))
(assert_trap (invoke "rep-a" (u32.const 2)) "wrong type")

(component definition $T
  (type $A (resource (rep i32)))
  (core func $new (canon resource.new $A))
  (core func $drop (canon resource.drop $A))
  (func (export "new") (param "r" u32) (result u32) (canon lift (core func $new)))
  (func (export "drop") (param "i" u32) (canon lift (core func $drop))))
(component instance $i $T)
(assert_trap (invoke "drop" (u32.const 0)) "unknown handle index 0")
(component instance $i $T)
(assert_return (invoke "new" (u32.const 1)) (u32.const 1))
(assert_return (invoke "drop" (u32.const 1)))
(assert_trap (invoke "drop" (u32.const 1)) "unknown handle index 1")

;; The destructor runs in the instance that defines the resource, with its rep;
;; not when the handle only goes elsewhere.
(component
  (component $Def
    (core module $dtor
      (global $sum (mut i32) (i32.const 0))
      (func (export "dtor") (param i32) (global.set $sum (i32.add (global.get $sum) (local.get 0))))
      (func (export "sum") (result i32) (global.get $sum)))
    (core instance $d (instantiate $dtor))
    (type $R' (resource (rep i32) (dtor (core func $d "dtor"))))
    (export $R "r" (type $R'))
    (core func $new (canon resource.new $R'))
    (core module $make
      (import "" "new" (func $new (param i32) (result i32)))
      (func (export "make") (param i32) (result i32) (call $new (local.get 0)))
      (func (export "peek") (param i32) (result i32) (local.get 0)))
    (core instance $m (instantiate $make (with "" (instance (export "new" (func $new))))))
    (func (export "make") (param "x" u32) (result (own $R)) (canon lift (core func $m "make")))
    (func (export "peek") (param "r" (borrow $R)) (result u32) (canon lift (core func $m "peek")))
    (func (export "sum") (result u32) (canon lift (core func $d "sum"))))
  (instance $def (instantiate $Def))
  (component $Use
    (import "r" (type $R (sub resource)))
    (import "make" (func $make (param "x" u32) (result (own $R))))
    (import "peek" (func $peek (param "r" (borrow $R)) (result u32)))
    (core func $make' (canon lower (func $make)))
    (core func $peek' (canon lower (func $peek)))
    (core func $drop (canon resource.drop $R))
    (core module $m
      (import "" "make" (func $make (param i32) (result i32)))
      (import "" "peek" (func $peek (param i32) (result i32)))
      (import "" "drop" (func $drop (param i32)))
      (func (export "run") (param i32) (result i32)
        (local $h i32) (local $rep i32)
        (local.set $h (call $make (local.get 0)))
        (local.set $rep (call $peek (local.get $h))) ;; the definer sees its rep
        (call $drop (local.get $h))
        (local.get $rep)))
    (core instance $i (instantiate $m (with "" (instance
      (export "make" (func $make')) (export "peek" (func $peek')) (export "drop" (func $drop))))))
    (func (export "run") (param "x" u32) (result u32) (canon lift (core func $i "run"))))
  (instance $use (instantiate $Use
    (with "r" (type $def "r")) (with "make" (func $def "make")) (with "peek" (func $def "peek"))))
  (export "run" (func $use "run"))
  (export "sum" (func $def "sum")))
(assert_return (invoke "run" (u32.const 40)) (u32.const 40))
(assert_return (invoke "run" (u32.const 2)) (u32.const 2))
(assert_return (invoke "sum") (u32.const 42))

;; A borrow that a callee keeps is a trap when it returns.
(component
  (component $Def
    (type $R' (resource (rep i32)))
    (export $R "r" (type $R'))
    (core func $new (canon resource.new $R'))
    (func (export "make") (param "x" u32) (result (own $R)) (canon lift (core func $new))))
  (instance $def (instantiate $Def))
  (component $Keep
    (import "r" (type $R (sub resource)))
    (core module $m (func (export "keep") (param i32)))
    (core instance $i (instantiate $m))
    (func (export "keep") (param "r" (borrow $R)) (canon lift (core func $i "keep"))))
  (instance $keep (instantiate $Keep (with "r" (type $def "r"))))
  (component $Main
    (import "r" (type $R (sub resource)))
    (import "make" (func $make (param "x" u32) (result (own $R))))
    (import "keep" (func $keep (param "r" (borrow $R))))
    (core func $make' (canon lower (func $make)))
    (core func $keep' (canon lower (func $keep)))
    (core module $m
      (import "" "make" (func $make (param i32) (result i32)))
      (import "" "keep" (func $keep (param i32)))
      (func (export "run") (call $keep (call $make (i32.const 1)))))
    (core instance $i (instantiate $m (with "" (instance (export "make" (func $make')) (export "keep" (func $keep'))))))
    (func (export "run") (canon lift (core func $i "run"))))
  (instance $main (instantiate $Main
    (with "r" (type $def "r")) (with "make" (func $def "make")) (with "keep" (func $keep "keep"))))
  (export "run" (func $main "run")))
(assert_trap (invoke "run") "borrow handles still remain at the end of the call")

;; Only the component that defines a resource can make one or see its rep.
(assert_invalid
  (component (import "r" (type $r (sub resource))) (core func (canon resource.new $r)))
  "not a local resource")
(assert_invalid
  (component (import "r" (type $r (sub resource))) (core func (canon resource.rep $r)))
  "not a local resource")
(assert_invalid
  (component (type $r (resource (rep i64))))
  "resources can only be represented by i32")

;; A destructor that traps ends the instance that dropped the handle.
(component
  (core module $dtor (func (export "dtor") (param i32) unreachable))
  (core instance $d (instantiate $dtor))
  (type $R (resource (rep i32) (dtor (core func $d "dtor"))))
  (core func $new (canon resource.new $R))
  (core func $drop (canon resource.drop $R))
  (core module $m
    (import "" "new" (func $new (param i32) (result i32)))
    (import "" "drop" (func $drop (param i32)))
    (func (export "make") (result i32) (call $new (i32.const 1)))
    (func (export "drop") (param i32) (call $drop (local.get 0))))
  (core instance $i (instantiate $m (with "" (instance (export "new" (func $new)) (export "drop" (func $drop))))))
  (func (export "make") (result u32) (canon lift (core func $i "make")))
  (func (export "drop") (param "i" u32) (canon lift (core func $i "drop"))))
(assert_return (invoke "make") (u32.const 1))
(assert_trap (invoke "drop" (u32.const 1)) "unreachable")
(assert_trap (invoke "make") "cannot enter")

;; One handle may be lent twice for a call, and is free when the call is over.
(component
  (component $Def
    (type $R' (resource (rep i32)))
    (export $R "r" (type $R'))
    (core func $new (canon resource.new $R'))
    (func (export "make") (param "x" u32) (result (own $R)) (canon lift (core func $new))))
  (instance $def (instantiate $Def))
  (component $Twice
    (import "r" (type $R (sub resource)))
    (core func $drop (canon resource.drop $R))
    (core module $m
      (import "" "drop" (func $drop (param i32)))
      (func (export "f") (param i32 i32) (call $drop (local.get 0)) (call $drop (local.get 1))))
    (core instance $i (instantiate $m (with "" (instance (export "drop" (func $drop))))))
    (func (export "f") (param "a" (borrow $R)) (param "b" (borrow $R)) (canon lift (core func $i "f"))))
  (instance $twice (instantiate $Twice (with "r" (type $def "r"))))
  (component $Main
    (import "r" (type $R (sub resource)))
    (import "make" (func $make (param "x" u32) (result (own $R))))
    (import "f" (func $f (param "a" (borrow $R)) (param "b" (borrow $R))))
    (core func $make' (canon lower (func $make)))
    (core func $f' (canon lower (func $f)))
    (core func $drop (canon resource.drop $R))
    (core module $m
      (import "" "make" (func $make (param i32) (result i32)))
      (import "" "f" (func $f (param i32 i32)))
      (import "" "drop" (func $drop (param i32)))
      (func (export "run") (local $h i32)
        (local.set $h (call $make (i32.const 1)))
        (call $f (local.get $h) (local.get $h)) ;; two borrows of one handle
        (call $drop (local.get $h))))           ;; which is free afterwards
    (core instance $i (instantiate $m (with "" (instance
      (export "make" (func $make')) (export "f" (func $f')) (export "drop" (func $drop))))))
    (func (export "run") (canon lift (core func $i "run"))))
  (instance $main (instantiate $Main
    (with "r" (type $def "r")) (with "make" (func $def "make")) (with "f" (func $twice "f"))))
  (export "run" (func $main "run")))
(assert_return (invoke "run"))
