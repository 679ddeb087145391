;; Imports two interfaces that share a resource, one of them with a type of its
;; own: the record's fields, the parameter, or the resource can be wrong.
(component
  (import "test:shop/basket@0.2.3" (instance $basket (export "basket" (type (sub resource)))))
  (alias export $basket "basket" (type $b))
  (import "test:shop/till@0.2.3" (instance
    (alias outer 1 $b (type $b))
    (export "basket" (type $basket (eq $b)))
    (type $r' (record (field "total" u64) (field "items" (list string))))
    (export "receipt" (type $r (eq $r')))
    (export "pay" (func (param "b" (own $basket)) (result $r))))))
