package main

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
)

func TestQuantilesNeedNoOrder(t *testing.T) {
	t.Parallel()
	values := []float64{5, 1, 4, 2, 3}
	for share, want := range map[float64]float64{0: 1, 0.5: 3, 0.99: 5, 1: 5} {
		if got := quantile(values, share); got != want {
			t.Errorf("quantile %v is %v, want %v", share, got, want)
		}
	}
	if got := median(nil); !math.IsNaN(got) {
		t.Errorf("the median of nothing is %v", got)
	}
}

func TestVerdictNamesEveryComplaint(t *testing.T) {
	t.Parallel()
	if got := all(atMost(1, 2, "ms"), atMost(2, 2, "MB")); got != "ok" {
		t.Errorf("what keeps its bounds is %q", got)
	}
	if got := all(atMost(1, 2, "ms"), atMost(3, 2, "MB"), atMost(2.5, 2, "")); got != "over by 1.0 MB, over by 0.50" {
		t.Errorf("got %q", got)
	}
}

func TestReportIsAWholeTableAndGoodJSON(t *testing.T) {
	t.Parallel()
	r := report{Machine: "a machine", Sections: []section{{Title: "Costs", Rows: []row{{
		What: "poll", Setting: "redis", Figures: []figure{{"CPU", 0.1234, "ms"}, {"ratio", none, ""}}, Goal: "2x", Verdict: "ok",
	}}}}}
	var text, object bytes.Buffer
	if err := r.writeMarkdown(&text); err != nil {
		t.Fatal(err)
	}
	want := "| what | with | CPU, ms | ratio | goal | verdict |\n|---|---|---:|---:|---|---|\n| poll | redis | 0.123 |  | 2x | ok |\n"
	if !strings.HasSuffix(text.String(), want) {
		t.Errorf("the table is\n%s\nwant at its end\n%s", text.String(), want)
	}
	if err := r.writeJSON(&object); err != nil {
		t.Fatal(err)
	}
	if !json.Valid(object.Bytes()) || !strings.Contains(object.String(), `"value": null`) {
		t.Errorf("the JSON is\n%s", object.String())
	}
}
