package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A spanFlag is a duration as the cloud's flags have it: Go's forms, and days.
type spanFlag time.Duration

func (s *spanFlag) String() string { return time.Duration(*s).String() }
func (s *spanFlag) Type() string   { return "duration" }

func (s *spanFlag) Set(text string) error {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return fmt.Errorf("%q is not a number of days", text)
		}
		*s = spanFlag(time.Duration(n) * 24 * time.Hour)
		return nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return fmt.Errorf("%q is not a duration such as 30m, 12h or 7d", text)
	}
	*s = spanFlag(d)
	return nil
}

// words says the span as the cloud does: "7 days".
func (s spanFlag) words() string {
	d := time.Duration(s)
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		if d >= unit.size && d%unit.size == 0 {
			n := int64(d / unit.size)
			if n == 1 {
				return "1 " + unit.name
			}
			return fmt.Sprintf("%d %ss", n, unit.name)
		}
	}
	return d.String()
}

// A sinceFlag is a point in time: RFC 3339, seconds since 1970, or how long ago.
type sinceFlag struct {
	at   time.Time
	span spanFlag
}

func (s *sinceFlag) String() string {
	if !s.at.IsZero() {
		return s.at.Format(time.RFC3339)
	}
	return s.span.String()
}
func (s *sinceFlag) Type() string { return "time" }

func (s *sinceFlag) Set(text string) error {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		s.at = t
		return nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		s.at = time.Unix(n, 0)
		return nil
	}
	if err := s.span.Set(text); err != nil {
		return fmt.Errorf("%q is neither RFC 3339, nor seconds since 1970, nor a span such as 30m or 7d", text)
	}
	s.at = time.Time{}
	return nil
}

// time returns the point in time, seen from now.
func (s *sinceFlag) time(now time.Time) time.Time {
	if !s.at.IsZero() {
		return s.at
	}
	return now.Add(-time.Duration(s.span))
}
