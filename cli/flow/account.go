package flow

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// Me is the person who is signed in and the session they are signed in with.
type Me struct {
	ID      string      `json:"id"`
	Email   string      `json:"email"`
	Name    string      `json:"name"`
	Session SessionInfo `json:"session"`
}

// SessionInfo is one sign-in: which program, on which device, until when at most.
type SessionInfo struct {
	ID        string     `json:"id"`
	ClientID  string     `json:"client_id"`
	Device    DeviceName `json:"device"`
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt time.Time  `json:"expires_at"`
}

// DeviceName is a device as a session refers to it.
type DeviceName struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Platform string `json:"platform"`
}

// Device is one of the person's devices with everything that is signed in on it.
type Device struct {
	DeviceName
	Current   bool            `json:"current"` // the one that asks
	FirstSeen time.Time       `json:"first_seen"`
	LastSeen  time.Time       `json:"last_seen"`
	Sessions  []DeviceSession `json:"sessions"`
}

// DeviceSession is one sign-in on a device.
type DeviceSession struct {
	ID         string    `json:"id"`
	ClientID   string    `json:"client_id"`
	ClientName string    `json:"client_name"`
	Scope      string    `json:"scope"`
	Address    string    `json:"address"`
	CreatedAt  time.Time `json:"created_at"`
	LastSeenAt time.Time `json:"last_seen_at"`
}

// Me asks who is signed in.
func (c *Client) Me(ctx context.Context, access string) (Me, error) {
	var me Me
	err := c.call(ctx, http.MethodGet, "/v1/me", access, &me)
	s := &me.Session
	cleanAll(&me.ID, &me.Email, &me.Name, &s.ID, &s.ClientID, &s.Device.ID, &s.Device.Name, &s.Device.Platform)
	return me, err
}

// Devices lists the person's devices.
func (c *Client) Devices(ctx context.Context, access string) ([]Device, error) {
	var list struct {
		Devices []Device `json:"devices"`
	}
	err := c.call(ctx, http.MethodGet, "/v1/devices", access, &list)
	for i := range list.Devices {
		d := &list.Devices[i]
		cleanAll(&d.ID, &d.Name, &d.Platform)
		for j := range d.Sessions {
			s := &d.Sessions[j]
			cleanAll(&s.ID, &s.ClientID, &s.ClientName, &s.Scope, &s.Address)
		}
	}
	return list.Devices, err
}

// EndDevice ends every session on one of the person's devices.
func (c *Client) EndDevice(ctx context.Context, access, id string) error {
	return c.call(ctx, http.MethodDelete, "/v1/devices/"+url.PathEscape(id), access, nil)
}

// EndOthers ends every session of the person but the asking one and tells how many.
func (c *Client) EndOthers(ctx context.Context, access string) (int, error) {
	var ended struct {
		Ended int `json:"ended"`
	}
	err := c.call(ctx, http.MethodDelete, "/v1/sessions", access, &ended)
	return ended.Ended, err
}

// call speaks to the server's own interface with an access token whose audience is
// the server.
func (c *Client) call(ctx context.Context, method, path, access string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var key *Key
	scheme := "Bearer "
	if bound(access) && c.Key != nil {
		var err error
		if key, err = c.Key(); err != nil {
			return err
		}
		scheme = "DPoP "
	}
	got, err := c.shows(key, func(proof string) (answer, error) {
		req, err := http.NewRequestWithContext(ctx, method, c.Issuer+path, nil)
		if err != nil {
			return answer{}, fmt.Errorf("make request: %w", err)
		}
		req.Header.Set("Authorization", scheme+access)
		if proof != "" {
			req.Header.Set("DPoP", proof)
		}
		return c.send(req)
	}, method, c.Issuer+path, access)
	if err != nil {
		return err
	}
	if got.status/100 != 2 {
		return got.failure(c.host())
	}
	if into == nil {
		return nil
	}
	if json.Unmarshal(got.body, into) != nil {
		return &ServerError{Host: c.host(), Status: got.status}
	}
	return nil
}
