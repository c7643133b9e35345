// Renders a Helm chart: render <chart> <release name> [values file...]. Prints the manifests, or exits with 1 and the reason.
//
// It is built from the parts that Helm is made of: text/template, sprig, gojsonschema and sigs.k8s.io/yaml, as Debian packages them.
// The functions that Helm adds to sprig are below. Subcharts, .Files and lookup are missing, so a chart that uses them fails.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig"
	"github.com/xeipuuv/gojsonschema"
	"sigs.k8s.io/yaml"
)

type object = map[string]interface{}

func main() {
	manifests, err := render(os.Args[1], os.Args[2], os.Args[3:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Print(manifests)
}

func render(chart, release string, valueFiles []string) (string, error) {
	metadata, err := read(filepath.Join(chart, "Chart.yaml"))
	if err != nil {
		return "", err
	}
	values, err := read(filepath.Join(chart, "values.yaml"))
	if err != nil {
		return "", err
	}
	for _, file := range valueFiles {
		more, err := read(file)
		if err != nil {
			return "", err
		}
		merge(values, more)
	}
	if err := validate(filepath.Join(chart, "values.schema.json"), values); err != nil {
		return "", err
	}

	templates := template.New("chart").Option("missingkey=zero")
	templates.Funcs(functions(templates))
	paths, err := filepath.Glob(filepath.Join(chart, "templates", "*"))
	if err != nil {
		return "", err
	}
	sort.Strings(paths)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		if _, err := templates.New(filepath.Base(path)).Parse(string(text)); err != nil {
			return "", err
		}
	}

	// Chart.yaml's fields are capitalized in templates: .Chart.AppVersion.
	capitalized := object{}
	for name, value := range metadata {
		capitalized[strings.ToUpper(name[:1])+name[1:]] = value
	}
	data := object{
		"Values":  values,
		"Chart":   capitalized,
		"Release": object{"Name": release, "Namespace": "default", "Service": "Helm", "IsInstall": true, "IsUpgrade": false, "Revision": 1},
	}
	var output strings.Builder
	for _, path := range paths {
		if strings.HasPrefix(filepath.Base(path), "_") {
			continue
		}
		var text bytes.Buffer
		if err := templates.ExecuteTemplate(&text, filepath.Base(path), data); err != nil {
			return "", err
		}
		// Helm prints the notes after the installation and not with the manifests.
		manifest := strings.ReplaceAll(text.String(), "<no value>", "")
		if filepath.Ext(path) == ".yaml" && strings.TrimSpace(manifest) != "" {
			fmt.Fprintf(&output, "---\n# Source: %s\n%s\n", filepath.Base(path), manifest)
		}
	}
	return output.String(), nil
}

func functions(templates *template.Template) template.FuncMap {
	all := sprig.TxtFuncMap()
	// Helm removes them, because they would reveal the environment of the client.
	delete(all, "env")
	delete(all, "expandenv")
	all["include"] = func(name string, data interface{}) (string, error) {
		var text bytes.Buffer
		err := templates.ExecuteTemplate(&text, name, data)
		return text.String(), err
	}
	all["required"] = func(message string, value interface{}) (interface{}, error) {
		if value == nil || value == "" {
			return nil, errors.New(message)
		}
		return value, nil
	}
	all["toYaml"] = func(value interface{}) (string, error) {
		text, err := yaml.Marshal(value)
		return strings.TrimSuffix(string(text), "\n"), err
	}
	all["toJson"] = func(value interface{}) (string, error) {
		text, err := json.Marshal(value)
		return string(text), err
	}
	all["fromJsonArray"] = func(text string) ([]interface{}, error) {
		var list []interface{}
		err := json.Unmarshal([]byte(text), &list)
		return list, err
	}
	return all
}

func read(path string) (object, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	result := object{}
	if err := yaml.UnmarshalStrict(text, &result); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return result, nil
}

// Merges maps; other values are replaced. null removes a default.
func merge(into, from object) {
	for name, value := range from {
		mapValue, isMap := value.(object)
		existing, wasMap := into[name].(object)
		switch {
		case isMap && wasMap:
			merge(existing, mapValue)
		case value == nil:
			delete(into, name)
		default:
			into[name] = value
		}
	}
}

func validate(schema string, values object) error {
	text, err := os.ReadFile(schema)
	if err != nil {
		return err
	}
	result, err := gojsonschema.Validate(gojsonschema.NewBytesLoader(text), gojsonschema.NewGoLoader(values))
	if err != nil {
		return err
	}
	if result.Valid() {
		return nil
	}
	var problems []string
	for _, problem := range result.Errors() {
		problems = append(problems, problem.String())
	}
	return errors.New("values don't meet the specifications of the schema:\n" + strings.Join(problems, "\n"))
}
