package apitype

// A RegistryUsage is what the registry takes.
type RegistryUsage struct {
	Blobs       int   `json:"blobs"`
	Bytes       int64 `json:"bytes"`
	LimitBytes  int64 `json:"limit_bytes"` // of bytes and upload_bytes together; 0 means none
	Uploads     int   `json:"uploads"`     // under way
	UploadBytes int64 `json:"upload_bytes"`
}

// A RegistryFreed is what a collection of garbage has removed.
type RegistryFreed struct {
	Blobs int   `json:"blobs"`
	Bytes int64 `json:"bytes"`
}
