package apitype

// Instances are those of the guests of one app that run.
type Instances struct {
	Revisions []RevisionInstances `json:"revisions"` // that run, newest first
	Memory    GuestMemory         `json:"memory"`    // of the guests of all apps
}

// RevisionInstances are the instances of a revision that runs, and what has been
// since it was started.
type RevisionInstances struct {
	Revision   int              `json:"revision"`
	Size       int              `json:"size"` // at work, idle, and on their way between
	Idle       int              `json:"idle"`
	InUse      int              `json:"in_use"`
	Waiting    int              `json:"waiting"` // requests, for an instance
	Leases     int64            `json:"leases"`  // requests that got one
	QueueUS    int64            `json:"queue_us"`
	QueueMaxUS int64            `json:"queue_max_us"`
	Refused    int64            `json:"refused"` // requests that have waited in vain
	Made       int64            `json:"made"`    // fresh instances
	MakeUS     int64            `json:"make_us"`
	MakeMaxUS  int64            `json:"make_max_us"`
	Resets     int64            `json:"resets"` // after a request
	ResetUS    int64            `json:"reset_us"`
	ResetMaxUS int64            `json:"reset_max_us"`
	DirtyPages int64            `json:"dirty_pages"` // that guests had written when they were reset
	FuelStops  int64            `json:"fuel_stops"`  // guests that were ended while they ran
	Traps      map[string]int64 `json:"traps"`       // guests that have failed, by how
	Discarded  map[string]int64 `json:"discarded"`   // instances that were thrown away, by why
}

// GuestMemory is the memory of the guests of all apps.
type GuestMemory struct {
	Bytes           int64 `json:"bytes"`            // by what they could write
	Limit           int64 `json:"limit"`            // 0 is no limit
	RefusedInstance int64 `json:"refused_instance"` // growths, by the limit of an instance
	RefusedServer   int64 `json:"refused_server"`   // growths and instances, by the limit of the server
}
