// A dashboard as JSON: Grafana's published type, with the options and field settings of each kind of panel in use.
import type { Dashboard, Panel, RowPanel } from '@grafana/schema';
import type * as barchart from '@grafana/schema/dist/esm/raw/composable/barchart/panelcfg/x/BarChartPanelCfg_types.gen';
import type * as bargauge from '@grafana/schema/dist/esm/raw/composable/bargauge/panelcfg/x/BarGaugePanelCfg_types.gen';
import type * as gauge from '@grafana/schema/dist/esm/raw/composable/gauge/panelcfg/x/GaugePanelCfg_types.gen';
import type * as histogram from '@grafana/schema/dist/esm/raw/composable/histogram/panelcfg/x/HistogramPanelCfg_types.gen';
import type * as stat from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type * as statetimeline from '@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen';
import type * as table from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';
import type * as text from '@grafana/schema/dist/esm/raw/composable/text/panelcfg/x/TextPanelCfg_types.gen';
import type * as timeseries from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';
import type { Dashboard as Dashboard10 } from 'grafana-10';
import type { Dashboard as Dashboard13 } from 'grafana-13';

// The published types name the words of enumerations; JSON has the words themselves.
type Json<T> = T extends string ? `${T}` : T extends object ? { [K in keyof T]: Json<T[K]> } : T;

type Partly<T> = { [K in keyof T]?: T[K] extends object ? Partly<T[K]> : T[K] };

type Kinds = {
  barchart: [barchart.Options, barchart.FieldConfig];
  bargauge: [bargauge.Options, {}];
  gauge: [gauge.Options, {}];
  histogram: [histogram.Options, histogram.FieldConfig];
  stat: [stat.Options, {}];
  statetimeline: [statetimeline.Options, statetimeline.FieldConfig];
  table: [table.Options, table.FieldConfig];
  text: [text.Options, {}];
  timeseries: [timeseries.Options, timeseries.FieldConfig];
};

type Names = { [K in keyof Kinds]: K extends 'statetimeline' ? 'state-timeline' : K };

type Settings<T> = Omit<Json<NonNullable<Panel['fieldConfig']>>, 'defaults'> & {
  defaults: Omit<Json<NonNullable<Panel['fieldConfig']>['defaults']>, 'custom'> & { custom?: Partly<Json<T>> };
};

type Query = { refId: string; expr: string; [more: string]: unknown };

type Known = {
  [K in keyof Kinds]: Omit<Json<Panel>, 'type' | 'options' | 'fieldConfig' | 'targets'> & {
    type: Names[K];
    options?: Partly<Json<Kinds[K][0]>>;
    fieldConfig?: Settings<Kinds[K][1]>;
    targets?: Query[];
  };
}[keyof Kinds];

type Row = Omit<Json<RowPanel>, 'panels'> & { panels: Known[] };

export type Strict = Omit<Json<Dashboard>, 'panels'> & { panels: (Known | Row)[] };
export type Oldest = Json<Dashboard10>;
export type Newest = Json<Dashboard13>;
