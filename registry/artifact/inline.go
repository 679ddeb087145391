package artifact

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
)

// Inline is content inside the lock: standard base64 without padding. Padded
// input is refused, as Spin refuses it.
type Inline []byte

func (b Inline) MarshalJSON() ([]byte, error) {
	return json.Marshal(base64.RawStdEncoding.EncodeToString(b))
}

func (b *Inline) UnmarshalJSON(text []byte) error {
	var s string
	if err := json.Unmarshal(text, &s); err != nil {
		return err
	}
	content, err := base64.RawStdEncoding.Strict().DecodeString(s)
	if err != nil {
		return fmt.Errorf("inline content: %w", err)
	}
	*b = content
	return nil
}
