package verify

import (
	"slices"
	"testing"
)

// draftLongList is the list of a million statuses in appendix C.1 of draft-ietf-oauth-status-list.
const draftLongList = "eNrt3AENwCAMAEGogklACtKQPg9LugC9k_ACvreiogEAAKkeCQAAAAAAAAAAAAAAAAAAAIBylgQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAXG9IAAAAAAAAAPwsJAAAAAAAAAAAAAAAvhsSAAAAAAAAAAAA7KpLAAAAAAAAAAAAAAAAAAAAAJsLCQAAAAAAAAAAADjelAAAAAAAAAAAKjDMAQAAAACAZC8L2AEb"

func TestExamplesOfTheStatusListDraftAreRead(t *testing.T) {
	t.Parallel()
	for _, example := range []struct {
		bits uint64
		text string
		want []byte
	}{
		{1, "eNrbuRgAAhcBXQ", []byte{1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1}},
		{2, "eNo76fITAAPfAgc", []byte{1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3}},
	} {
		list := listed(t, example.bits, example.text)
		var got []byte
		for index := uint64(0); list.has(index); index++ {
			got = append(got, list.at(index))
		}
		if !slices.Equal(got, example.want) {
			t.Errorf("%d bits: %v, want %v", example.bits, got, example.want)
		}
	}
	list := listed(t, 1, draftLongList)
	var got []uint64
	for index := uint64(0); list.has(index); index++ {
		if list.at(index) != 0 {
			got = append(got, index)
		}
	}
	if want := []uint64{0, 1993, 25460, 159495, 495669, 554353, 645645, 723232, 854545, 934534, 1000345}; !slices.Equal(got, want) {
		t.Errorf("the long list has taken back %d, want %d", got, want)
	}
	if list.has(1 << 20) {
		t.Error("the long list is longer than it is")
	}
}

func listed(t *testing.T, bits uint64, text string) statusList {
	t.Helper()
	c := listClaims{Expires: 1}
	c.List.Bits, c.List.Text = bits, text
	list, err := c.list()
	if err != nil {
		t.Fatal(err)
	}
	return list
}
