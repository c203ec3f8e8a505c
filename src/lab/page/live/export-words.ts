/** The words of the export menu. */
import type { Table } from '../words.js';

export const exportWords = {
  export: ['Export', '导出'],
  'export.all': ['Export all requests that are kept', '导出保留的全部请求'],
  'export.one': ['Export this request', '导出此请求'],
  'export.har': ['HAR', 'HAR'],
  'export.har.why': ['for the network panel of a browser', '用于浏览器的网络面板'],
  'export.trace': ['Trace', '跟踪'],
  'export.trace.why': ['processes over time, for Perfetto', '进程随时间的变化，用于 Perfetto'],
  'export.wire': ['Packets', '数据包'],
  'export.wire.why': ['FastCGI, SCGI and uwsgi bytes, for Wireshark', 'FastCGI、SCGI、uwsgi 字节，用于 Wireshark'],
  'export.ndjson': ['NDJSON', 'NDJSON'],
  'export.ndjson.why': ['a line for each request, as in the JSON log', '每个请求一行，与 JSON 日志相同'],
  'export.secrets': [
    'Values of secret variables and header fields are struck out. Bodies are as they were.',
    '机密变量与首部字段的值已抹去。正文保持原样。',
  ],
} as const satisfies Table;
