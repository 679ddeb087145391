;; Traps while a resource of the host is on its way: from the host to a guest
;; (open), from a guest to another that drops it (pass), and back (back).
(component
  (import "test:lost/things@1.0.0" (instance $things
    (export "thing" (type $t (sub resource)))
    (export "make" (func (result (own $t))))
    (export "open" (func (result (tuple (own $t) u32))))))
  (alias export $things "thing" (type $t))
  (component $other
    (import "thing" (type $t (sub resource)))
    (import "make" (func $make (result (own $t))))
    (core func $make (canon lower (func $make)))
    (core func $drop (canon resource.drop $t))
    (core module $m
      (import "h" "make" (func $make (result i32)))
      (import "h" "drop" (func $drop (param i32)))
      (func (export "take") (param i32) (call $drop (local.get 0)) unreachable)
      (func (export "give") (result i32) (call $make))
      (func (export "given") (param i32) unreachable))
    (core instance $i (instantiate $m (with "h" (instance (export "make" (func $make)) (export "drop" (func $drop))))))
    (func (export "take") (param "thing" (own $t)) (canon lift (core func $i "take")))
    (func (export "give") (result (own $t)) (canon lift (core func $i "give") (post-return (core func $i "given")))))
  (instance $other (instantiate $other (with "thing" (type $t)) (with "make" (func $things "make"))))
  (component $one
    (import "thing" (type $t (sub resource)))
    (import "make" (func $make (result (own $t))))
    (import "open" (func $open (result (tuple (own $t) u32))))
    (import "take" (func $take (param "thing" (own $t))))
    (import "give" (func $give (result (own $t))))
    (core module $memory (memory (export "m") 1))
    (core instance $memory (instantiate $memory))
    (core func $make (canon lower (func $make)))
    (core func $open (canon lower (func $open) (memory (core memory $memory "m"))))
    (core func $take (canon lower (func $take)))
    (core func $give (canon lower (func $give)))
    (core module $m
      (import "h" "make" (func $make (result i32)))
      (import "h" "open" (func $open (param i32)))
      (import "h" "take" (func $take (param i32)))
      (import "h" "give" (func $give (result i32)))
      (func (export "open") (call $open (i32.const -16))) ;; out of bounds
      (func (export "pass") (call $take (call $make)))
      (func (export "back") (drop (call $give))))
    (core instance $i (instantiate $m (with "h" (instance
      (export "make" (func $make)) (export "open" (func $open)) (export "take" (func $take)) (export "give" (func $give))))))
    (func (export "open") (canon lift (core func $i "open")))
    (func (export "pass") (canon lift (core func $i "pass")))
    (func (export "back") (canon lift (core func $i "back"))))
  (instance $one (instantiate $one (with "thing" (type $t)) (with "make" (func $things "make")) (with "open" (func $things "open"))
    (with "take" (func $other "take")) (with "give" (func $other "give"))))
  (export "open" (func $one "open"))
  (export "pass" (func $one "pass"))
  (export "back" (func $one "back")))
