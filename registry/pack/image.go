package pack

import (
	"maps"
	"strings"
	"time"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
)

// The image config of every Spin app is the same but for its label, which is
// there so that different apps have different ones.
func imageConfig(lock artifact.Digest) ([]byte, error) {
	type config struct {
		Labels map[string]string
	}
	type rootfs struct {
		Type    string   `json:"type"`
		DiffIDs []string `json:"diff_ids"`
	}
	return artifact.JSON(struct {
		Architecture string `json:"architecture"`
		OS           string `json:"os"`
		Config       config `json:"config"`
		Rootfs       rootfs `json:"rootfs"`
	}{"wasm", "Wasip1", config{map[string]string{artifact.LockDigestLabel: string(lock)}}, rootfs{"layers", []string{}}})
}

// annotations returns those of the manifest; given ones win.
func annotations(m artifact.Metadata, created time.Time, given map[string]string) map[string]string {
	const prefix = "org.opencontainers.image."
	all := map[string]string{prefix + "created": created.UTC().Format("2006-01-02T15:04:05.999999999-07:00")}
	for key, v := range map[string]string{
		"title":       m.Name,
		"description": m.Description,
		"version":     m.Version,
		"authors":     strings.Join(m.Authors, ", "),
	} {
		if v != "" {
			all[prefix+key] = v
		}
	}
	maps.Copy(all, given)
	return all
}
