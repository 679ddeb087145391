;; A package with two worlds and an interface, as they were all in one type until
;; the end of 2023: what a component-type section had after its name of a world.
(component
  (type
    (component
      (type (component (export "nothing" (func))))
      (export "test:shop/other@0.2.7" (component (type 0)))
      (type
        (component
          (type
            (instance
              (export "basket" (type (sub resource)))
              (type (own 0))
              (type (func (param "owner" string) (result 1)))
              (export "[constructor]basket" (func (type 2)))
              (type (borrow 0))
              (type (list u8))
              (type (option u64))
              (type (result u32 (error string)))
              (type (func (param "self" 3) (param "item" 4) (param "price" 5) (result 6)))
              (export "[method]basket.add" (func (type 7)))
              (type (func (param "from" 1) (param "to" 3)))
              (export "merge" (func (type 8)))
              (type (func (result u32)))
              (export "count" (func (type 9)))
            )
          )
          (import "test:shop/basket@0.2.7" (instance (type 0)))
          (type
            (instance
              (export "coupon" (type (sub resource)))
              (type (own 0))
              (type (func (param "value" u32) (result 1)))
              (export "[constructor]coupon" (func (type 2)))
              (type (borrow 0))
              (type (func (param "self" 3) (result u32)))
              (export "[method]coupon.value" (func (type 4)))
              (type (result u32 (error string)))
              (type (func (param "price" u64) (result 5)))
              (export "buy" (func (type 6)))
              (type (func (param "name" string) (result string)))
              (export "greet" (func (type 7)))
            )
          )
          (export "test:shop/api@0.2.7" (instance (type 1)))
        )
      )
      (export "test:shop/guest@0.2.7" (component (type 1)))))
  (export "test:shop/wit@0.2.7" (type 0)))
