;; A dependency that imports functions with large results, which it may not have.
(component
  (type $block (list u8 100000000))
  (import "fermyon:spin/redis" (instance $redis
    (alias outer 1 $block (type $block))
    (export "a" (func (result (result $block))))
    (export "b" (func (result (tuple (list u8) $block))))))
  (export "probe:probe/redis@1.0.0" (instance $redis)))
