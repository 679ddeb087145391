package postgres

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// A parameterError is a value that cannot be one of its kind.
type parameterError struct{ text string }

func (e *parameterError) Error() string { return e.text }

// encodeAll returns parameters as the server reads them: bytes and 8-bit
// integers in binary, all else as text; nil is NULL.
func encodeAll(params []value) ([][]byte, error) {
	all := make([][]byte, len(params))
	for i, p := range params {
		if p.kind == kindNull {
			continue
		}
		if p.kind == kindBinary {
			all[i] = append([]byte{}, p.v.([]byte)...)
			continue
		}
		text, err := encode(p)
		if err != nil {
			return nil, &parameterError{err.Error()}
		}
		all[i] = []byte(text)
	}
	return all, nil
}

func encode(p value) (string, error) {
	switch p.kind {
	case kindBoolean:
		return strconv.FormatBool(p.v.(bool)), nil
	case kindInt8:
		return string([]byte{byte(p.v.(int64))}), nil
	case kindInt16, kindInt32, kindInt64:
		return strconv.FormatInt(p.v.(int64), 10), nil
	case kindFloat32:
		return strconv.FormatFloat(p.v.(float64), 'g', -1, 32), nil
	case kindFloat64:
		return strconv.FormatFloat(p.v.(float64), 'g', -1, 64), nil
	case kindString:
		return p.v.(string), nil
	case kindDate, kindTime, kindDatetime:
		return encodeTime(p.kind, p.v.([7]int64))
	case kindTimestamp:
		t := time.Unix(p.v.(int64), 0).UTC()
		if t.Year() < -262142 || t.Year() > 262142 {
			return "", fmt.Errorf("invalid epoch timestamp %d", p.v.(int64))
		}
		return era(t.Year(), t.Format("-01-02 15:04:05+00")), nil
	case kindUUID:
		id, err := uuid.Parse(p.v.(string))
		if err != nil {
			return "", fmt.Errorf("invalid UUID %.100s", p.v)
		}
		return id.String(), nil
	case kindJSONB:
		if !json.Valid(p.v.([]byte)) {
			return "", fmt.Errorf("invalid JSON %.100s", p.v)
		}
		return string(p.v.([]byte)), nil
	case kindInterval:
		v := p.v.(interval)
		return fmt.Sprintf("%d mons %d days %d microseconds", v.months, v.days, v.micros), nil
	case kindRangeInt32, kindRangeInt64, kindRangeDecimal:
		return encodeRange(p.v.(bounds))
	case kindArrayInt32, kindArrayInt64, kindArrayDecimal, kindArrayString:
		return encodeArray(p.kind, p.v.([]any))
	}
	return element(p.v)
}

// element is an integer or a decimal.
func element(v any) (string, error) {
	if n, ok := v.(int64); ok {
		return strconv.FormatInt(n, 10), nil
	}
	text := v.(string)
	if !isDecimal(text) {
		return "", fmt.Errorf("invalid decimal %.100s", text)
	}
	return text, nil
}

// maxDigits is how many digits a decimal may have, as in Spin.
const maxDigits = 28

func isDecimal(s string) bool {
	s = strings.TrimPrefix(strings.TrimPrefix(s, "+"), "-")
	whole, fraction, _ := strings.Cut(s, ".")
	digits := whole + fraction
	return digits != "" && strings.Trim(digits, "0123456789") == "" && len(strings.TrimLeft(whole, "0"))+len(fraction) <= maxDigits
}

// encodeTime returns a date, a time, or both, if there is such a one.
func encodeTime(k kind, v [7]int64) (string, error) {
	year, month, day, hour, minute, second, nano := v[0], v[1], v[2], v[3], v[4], v[5], v[6]
	if k != kindTime {
		t := time.Date(int(year), time.Month(month), int(day), 0, 0, 0, 0, time.UTC)
		if int64(t.Month()) != month || int64(t.Day()) != day || year < -262142 || year > 262142 {
			return "", fmt.Errorf("invalid date y=%d, m=%d, d=%d", year, month, day)
		}
	}
	if k != kindDate && (hour > 23 || minute > 59 || second > 59 || nano > 999_999_999) {
		return "", fmt.Errorf("invalid time %d:%d:%d:%d", hour, minute, second, nano)
	}
	date, clock := fmt.Sprintf("-%02d-%02d", month, day), fmt.Sprintf("%02d:%02d:%02d.%06d", hour, minute, second, nano/1000)
	switch k {
	case kindDate:
		return era(int(year), date), nil
	case kindTime:
		return clock, nil
	}
	return era(int(year), date+" "+clock), nil
}

// era writes a year before rest: the year before 1 is 1 BC.
func era(year int, rest string) string {
	if year < 1 {
		return fmt.Sprintf("%04d%s BC", 1-year, rest)
	}
	return fmt.Sprintf("%04d%s", year, rest)
}

func encodeRange(r bounds) (string, error) {
	begin, end := "[", "]"
	if r.lower.exclusive {
		begin = "("
	}
	if r.upper.exclusive {
		end = ")"
	}
	var texts [2]string
	for i, b := range []bound{r.lower, r.upper} {
		if b.v == nil {
			continue
		}
		var err error
		if texts[i], err = element(b.v); err != nil {
			return "", err
		}
	}
	return begin + texts[0] + "," + texts[1] + end, nil
}

var quoting = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

func encodeArray(k kind, vs []any) (string, error) {
	texts := make([]string, len(vs))
	for i, v := range vs {
		switch {
		case v == nil:
			texts[i] = "NULL"
		case k == kindArrayString:
			texts[i] = `"` + quoting.Replace(v.(string)) + `"`
		default:
			var err error
			if texts[i], err = element(v); err != nil {
				return "", err
			}
		}
	}
	return "{" + strings.Join(texts, ",") + "}", nil
}
