package redis

import (
	"context"
	"fmt"
	"strings"
)

// Advice says in plain sentences what is unsafe about this Redis; nothing if all is well.
func (s *Store) Advice(ctx context.Context) ([]string, error) {
	info, err := s.info(ctx, "memory", "persistence")
	if err != nil {
		return nil, err
	}
	var advice []string
	if policy := info["maxmemory_policy"]; policy != "noeviction" {
		advice = append(advice, fmt.Sprintf("redis may evict tickets, which signs people out without a reason: "+
			"set maxmemory-policy to noeviction (it is %q)", policy))
	}
	if info["aof_enabled"] != "1" {
		advice = append(advice, "redis keeps no append-only file, so a restart goes back to the last snapshot and spent "+
			"tokens may be current again: set appendonly to yes")
	}
	return advice, nil
}

// Epoch names the life of the memory behind this keeper: it changes when Redis restarts and when another replica
// becomes the master, which are the moments when what was deleted may have come back. The sweeper asks every few
// seconds, and when the answer is not the one before, it deletes the grants of recently ended sessions once more.
func (s *Store) Epoch(ctx context.Context) (string, error) {
	info, err := s.info(ctx, "server", "replication")
	if err != nil {
		return "", err
	}
	return info["run_id"] + ":" + info["master_replid"], nil
}

// info reads sections of INFO, in one round trip.
func (s *Store) info(ctx context.Context, sections ...string) (map[string]string, error) {
	pipe := s.client.Pipeline()
	for _, section := range sections {
		pipe.Info(ctx, section)
	}
	replies, err := pipe.Exec(ctx)
	if err != nil {
		return nil, fmt.Errorf("redis: info: %w", err)
	}
	info := map[string]string{}
	for _, reply := range replies {
		text, ok := reply.(interface{ Val() string })
		if !ok {
			continue
		}
		for line := range strings.Lines(text.Val()) {
			if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
				info[name] = value
			}
		}
	}
	return info, nil
}
