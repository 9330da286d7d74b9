// Package realpage asks the page of a real browser, also one that goes on by itself meanwhile.
package realpage

import (
	"context"
	"errors"
	"slices"

	"github.com/chromedp/cdproto"
	"github.com/chromedp/chromedp"
)

// Ask runs an expression that changes nothing and makes a string. A page that goes on takes the answer with it; then the
// next one is asked.
func Ask(ctx context.Context, expression string) (string, error) {
	for {
		answer, err := chromedp.Run(ctx, chromedp.Evaluate[string](expression))
		if !left(err) {
			return answer, err
		}
	}
}

// Act runs an expression for what it does, once. That the page has left is what it may do.
func Act(ctx context.Context, expression string) error {
	err := chromedp.Do(ctx, chromedp.Evaluate[chromedp.Void](expression))
	if left(err) {
		return nil
	}
	return err
}

// left tells whether the page went on before it could answer. All such errors have one code, and others have it too.
func left(err error) bool {
	said, ok := errors.AsType[*cdproto.Error](err)
	return ok && slices.Contains([]string{
		"Inspected target navigated or closed", "Execution context was destroyed.", "Cannot find default execution context",
	}, said.Message)
}
