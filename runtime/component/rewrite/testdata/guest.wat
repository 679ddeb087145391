;; What the tests run with and without fuel. Build it with build.sh.
(module
  (type $leaf (func (param i32) (result i32)))
  (memory (export "memory") 4 20)
  (table $t (export "table") 64 1000 funcref)
  (table $u 16 funcref)
  (table $x 8 externref)
  (global $g (export "global") (mut i32) (i32.const 0))
  (tag $e (param i32))
  (elem (table $t) (i32.const 0) func $leaf $odd $even)
  (elem $passive func $leaf $even $odd $leaf)
  (data (i32.const 16) "hello")
  (data $bytes "passive data")

  (func $leaf (export "leaf") (type $leaf) local.get 0 i32.const 3 i32.mul)

  ;; A million divisions a turn would be too long; the loop is what counts.
  (func (export "divide") (param $n i32) (result i32) (local $x i32)
    loop
      local.get $x i32.const 1000003 i32.add local.get $n i32.const 1 i32.or i32.div_u i32.const 1001 i32.rem_u local.set $x
      local.get $n i32.const 1 i32.sub local.tee $n
      br_if 0
    end
    local.get $x)

  (func (export "count") (param $n i64) (result i64) (local $i i64)
    block
      loop
        local.get $i local.get $n i64.ge_u br_if 1
        local.get $i i64.const 1 i64.add local.set $i
        br 0
      end
    end
    local.get $i)

  (func (export "forever") loop br 0 end)

  ;; Loops in loops, left by several ways.
  (func (export "nested") (param $n i32) (result i32) (local $i i32) (local $j i32) (local $k i32)
    block $out
      loop $outer
        i32.const 0 local.set $j
        loop $inner
          block $a
            block $b
              block $c
                local.get $j i32.const 3 i32.rem_u
                br_table $a $b $c $a
              end
              local.get $k i32.const 5 i32.add local.set $k
            end
            local.get $k i32.const 1 i32.xor local.set $k
          end
          local.get $k local.get $j i32.add local.set $k
          block $outest
            local.get $j i32.const 1 i32.add local.tee $j
            local.get $i i32.lt_u br_if $inner
          end
        end
        local.get $i i32.const 1 i32.add local.tee $i
        local.get $n i32.eq br_if $out
        br $outer
      end
    end
    local.get $k)

  ;; A loop with a parameter and a result.
  (func (export "carry") (param $n i32) (result i64)
    i64.const 1
    loop (param i64) (result i64)
      i64.const 3 i64.mul
      local.get $n i32.const 1 i32.sub local.tee $n
      br_if 0
    end)

  ;; Several results, returned from within.
  (func $swap (param i32 i32) (result i32 i32) 
    local.get 0 i32.eqz
    if
      block
        local.get 1 i32.const 7
        return
      end
    end
    local.get 0 i32.const 1 i32.and
    if (result i32 i32)
      local.get 0 i32.const 1 i32.sub local.get 1 call $swap
    else
      local.get 1 local.get 0 i32.const 1 i32.shr_u local.get 1
      call $swap i32.add
    end)
  (func (export "swap") (param i32 i32) (result i32) local.get 0 local.get 1 call $swap i32.sub)

  (func $fib (export "fib") (param i32) (result i64)
    local.get 0 i32.const 2 i32.lt_u
    if local.get 0 i64.extend_i32_u return end
    local.get 0 i32.const 1 i32.sub call $fib
    local.get 0 i32.const 2 i32.sub call $fib
    i64.add)

  (func $even (type $leaf) local.get 0 i32.eqz if (result i32) i32.const 1 else local.get 0 i32.const 1 i32.sub i32.const 1 call_indirect $t (type $leaf) end)
  (func $odd (type $leaf) local.get 0 i32.eqz if (result i32) i32.const 0 else local.get 0 i32.const 1 i32.sub i32.const 2 call_indirect $t (type $leaf) end)
  (func (export "even") (param i32) (result i32) local.get 0 call $even)

  (func $down (export "down") (param i32) (result i32)
    local.get 0 i32.eqz if i32.const 42 return end
    local.get 0 i32.const 1 i32.sub return_call $down)
  (func $downIndirect (export "downIndirect") (param i32) (result i32)
    local.get 0 call $even
    if local.get 0 i32.const 0 return_call_indirect $t (type $leaf) end
    i32.const -1)

  ;; Throws from a depth of n, and catches.
  (func $throw (param i32) (result i32)
    local.get 0 i32.eqz if i32.const 5 throw $e end
    local.get 0 i32.const 1 i32.sub call $throw
    i32.const 1 i32.add)
  (func $catch (export "catch") (param $depth i32) (param $times i32) (result i32) (local $sum i32)
    loop $again
      block $caught (result i32)
        try_table (result i32) (catch $e $caught)
          local.get $depth call $throw
        end
      end
      local.get $sum i32.add local.set $sum
      local.get $times i32.const 1 i32.sub local.tee $times
      br_if $again
    end
    local.get $sum)
  ;; The exception ends the function.
  (func $catchAll (param i32) (result i32)
    try_table (result i32) (catch $e 0) local.get 0 call $throw end)
  (func (export "catchAll") (param $depth i32) (param $times i32) (result i32) (local $sum i32)
    loop
      local.get $depth call $catchAll local.get $sum i32.add local.set $sum
      local.get $times i32.const 1 i32.sub local.tee $times
      br_if 0
    end
    local.get $sum)
  ;; The exception begins a loop again.
  (func (export "catchLoop") (param $times i32) (result i32) (local $n i32)
    i32.const 0
    loop $again (param i32)
      local.get $n i32.add local.set $n
      local.get $times if
        local.get $times i32.const 1 i32.sub local.set $times
        try_table (catch $e $again)
          i32.const 50 call $throw drop
        end
      end
    end
    local.get $n)
  (func (export "uncaught") i32.const 3 call $throw drop)

  (func (export "fill") (param i32 i32 i32) local.get 0 local.get 1 local.get 2 memory.fill)
  (func (export "fill100") (param i32) local.get 0 i32.const 9 i32.const 100 memory.fill)
  (func (export "copy") (param i32 i32 i32) local.get 0 local.get 1 local.get 2 memory.copy)
  (func (export "init") (param i32 i32 i32) local.get 0 local.get 1 local.get 2 memory.init $bytes)
  (func (export "dropData") data.drop $bytes)
  (func (export "grow") (param i32) (result i32) local.get 0 memory.grow)
  (func (export "size") (result i32) memory.size)
  (func (export "ramp") (param $n i32)
    loop
      local.get $n i32.const 1 i32.sub local.tee $n local.get $n i32.const 31 i32.mul i32.store8
      local.get $n br_if 0
    end)

  (func (export "tableFill") (param i32 i32 i32) local.get 0 local.get 1 table.get $t local.get 2 table.fill $t)
  (func (export "tableCopy") (param i32 i32 i32) local.get 0 local.get 1 local.get 2 table.copy $t $t)
  (func (export "tableCross") (param i32 i32 i32) local.get 0 local.get 1 local.get 2 table.copy $u $t)
  (func (export "tableInit") (param i32 i32 i32) local.get 0 local.get 1 local.get 2 table.init $u $passive)
  (func (export "dropElem") elem.drop $passive)
  (func (export "tableGrow") (param i32) (result i32) ref.func $odd local.get 0 table.grow $t)
  (func (export "externGrow") (param i32) (result i32) ref.null extern local.get 0 table.grow $x)
  (func (export "externFill") (param i32 i32) local.get 0 ref.null extern local.get 1 table.fill $x)
  (func (export "tableNulls") (result i32) (local $i i32) (local $n i32)
    loop
      local.get $i table.get $t ref.is_null local.get $n i32.const 1 i32.shl i32.add i32.const 13 i32.rotl local.set $n
      local.get $i i32.const 1 i32.add local.tee $i table.size $t i32.lt_u
      br_if 0
    end
    local.get $n)

  (func (export "trap") (param i32) (result i32)
    local.get 0 i32.const 1 i32.eq if unreachable end
    local.get 0 i32.const 2 i32.eq if i32.const 1 i32.const 0 i32.div_s drop end
    local.get 0 i32.const 3 i32.eq if i32.const -1 i32.load drop end
    local.get 0 i32.const 4 i32.eq if i32.const 9 i32.const 40 call_indirect $t (type $leaf) drop end
    local.get 0 i32.const 5 i32.eq if i32.const 1 i32.const 0 call_indirect $t (type $none) end
    i32.const 0)
  (type $none (func (param i32)))

  (func (export "vector") (param i32) (result i32)
    local.get 0 i32x4.splat v128.const i32x4 1 2 3 4 i32x4.mul i16x8.abs i8x16.all_true
    local.get 0 i32x4.splat i32x4.extract_lane 2 i32.add)

  (func (export "globals") (param i32) (result i32)
    global.get $g local.get 0 i32.add global.set $g global.get $g)
)
