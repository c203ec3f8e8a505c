/**
 * `--print-completions bash|zsh|fish`, from the option table. Load with `source <(cgi-serve --print-completions bash)`.
 */
import { type Command, firstWords, isFor, type OptionName, type OptionRow, optionNames, rowOf, subCommands } from './options.js';

export const completions = (shell: 'bash' | 'zsh' | 'fish'): string => ({ bash, zsh, fish })[shell]();

const shown = (command: Command): OptionName[] => optionNames.filter((name) => isFor(rowOf(name), command) && !rowOf(name).hidden);
const flags = (command: Command): string =>
  shown(command)
    .flatMap((name) => [`--${name}`, ...(rowOf(name).short ? [`-${rowOf(name).short}`] : [])])
    .join(' ');
const completes = (row: OptionRow) => (row.kind === 'flag' ? undefined : (row.reader.completes ?? []));
const spellings = (name: OptionName): string[] => [`--${name}`, ...(rowOf(name).short ? [`-${rowOf(name).short}`] : [])];

const bash = (): string => {
  const cases = optionNames
    .filter((name) => rowOf(name).kind !== 'flag' && !rowOf(name).hidden && name !== 'data')
    .map((name) => {
      const how = completes(rowOf(name));
      // -d is --directory for the server and --data for run: both may be a file's path.
      const does = how === 'file' ? 'compgen -f' : how === 'directory' ? 'compgen -d' : `compgen -W "${(how ?? []).join(' ')}"`;
      return `    ${spellings(name).join('|')}) COMPREPLY=($(${does} -- "$cur")); return ;;`;
    });
  return `# bash completion for cgi-serve
_cgi_serve() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" options
  COMPREPLY=()
  case "$prev" in
${cases.join('\n')}
  esac
  case "\${COMP_WORDS[1]}" in
    run) options="${flags('run')}" ;;
    time) options="${flags('time')}" ;;
    bench) options="${flags('bench')}" ;;
    doctor) options="${flags('doctor')}" ;;
    status) options="${flags('status')}" ;;
    wire) case "\${COMP_WORDS[2]}" in
      decode) options="${flags('wire decode')}" ;;
      encode) options="${flags('wire encode')}" ;;
      send) options="${flags('wire send')}" ;;
      *) options="${flags('wire')}" ;;
    esac ;;
    *) options="${flags('serve')}" ;;
  esac
  if [[ "$cur" == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$cur"))
  elif [[ "\${COMP_WORDS[1]}" == wire && $COMP_CWORD -eq 2 ]]; then
    COMPREPLY=($(compgen -W "decode encode send" -- "$cur"))
  elif [[ "\${COMP_WORDS[1]}" == @(run|time|bench|wire) ]]; then
    COMPREPLY=($(compgen -f -- "$cur"))
  else
    COMPREPLY=($(compgen -d -- "$cur"))
    if [[ $COMP_CWORD -eq 1 ]]; then COMPREPLY+=($(compgen -W "${firstWords.join(' ')}" -- "$cur")); fi
  fi
}
complete -o filenames -F _cgi_serve cgi-serve
`;
};

const zsh = (): string => {
  const quote = (text: string): string => text.replace(/'/g, `'\\''`).replace(/[[\]:]/g, '\\$&');
  const spec = (name: OptionName): string[] => {
    const row = rowOf(name);
    const how = completes(row);
    const action =
      how === undefined ? '' : how === 'file' ? ':file:_files' : how === 'directory' ? ':directory:_files -/' : `:value:(${how.join(' ')})`;
    const many = row.kind === 'many' ? '*' : '';
    return spellings(name).map((flag) => `'${many}${flag}[${quote(row.help.en)}]${action}'`);
  };
  const list = (command: Command, last: string): string => `_arguments -s ${[...shown(command).flatMap(spec), last].join(' \\\n        ')}`;
  return `#compdef cgi-serve
# zsh completion for cgi-serve
_cgi_serve() {
  case "$words[2]" in
    run) shift words; (( CURRENT-- ))
      ${list('run', "'1:script:_files' '2:URL:'")} ;;
    time) shift words; (( CURRENT-- ))
      ${list('time', "'1:script:_files' '2:URL:'")} ;;
    bench) shift words; (( CURRENT-- ))
      ${list('bench', "'*:script or URL path:_files'")} ;;
    doctor) shift words; (( CURRENT-- ))
      ${list('doctor', "'1:directory:_files -/'")} ;;
    status) shift words; (( CURRENT-- ))
      ${list('status', "'1:port or URL:'")} ;;
    wire) if (( CURRENT == 3 )); then compadd decode encode send; return; fi
      case "$words[3]" in
    decode) shift 2 words; (( CURRENT -= 2 ))
      ${list('wire decode', "'1:file:_files'")} ;;
    encode) shift 2 words; (( CURRENT -= 2 ))
      ${list('wire encode', "'1:URL:'")} ;;
    send) shift 2 words; (( CURRENT -= 2 ))
      ${list('wire send', "'1:address:' '2:URL:'")} ;;
      esac ;;
    *)
      ${list('serve', `'1:directory or sub-command:{ _files -/; compadd ${firstWords.join(' ')} }'`)} ;;
  esac
}
if [ "$funcstack[1]" = "_cgi_serve" ]; then _cgi_serve "$@"; else compdef _cgi_serve cgi-serve; fi
`;
};

const fish = (): string => {
  const quote = (text: string): string => `'${text.replace(/['\\]/g, '\\$&')}'`;
  const lines = (command: Command): string[] =>
    shown(command).map((name) => {
      const row = rowOf(name);
      const how = completes(row);
      const seen = command.split(' ').map((word) => `__fish_seen_subcommand_from ${word}`);
      const condition = command === 'serve' ? `not __fish_seen_subcommand_from ${firstWords.join(' ')}` : seen.join('; and ');
      const takes =
        how === undefined
          ? ''
          : how === 'file'
            ? ' -r -F'
            : how === 'directory'
              ? " -x -a '(__fish_complete_directories)'"
              : ` -x -a ${quote(how.join(' '))}`;
      return `complete -c cgi-serve -n '${condition}' -l ${name}${row.short ? ` -s ${row.short}` : ''}${takes} -d ${quote(row.help.en)}`;
    });
  return `# fish completion for cgi-serve
complete -c cgi-serve -n __fish_use_subcommand -a run -d 'one exchange without a server'
complete -c cgi-serve -n __fish_use_subcommand -a time -d 'what a process for each request costs'
complete -c cgi-serve -n __fish_use_subcommand -a bench -d 'programs side by side, under load'
complete -c cgi-serve -n __fish_use_subcommand -a doctor -d 'examine every script'
complete -c cgi-serve -n __fish_use_subcommand -a status -d 'how the workers are'
complete -c cgi-serve -n __fish_use_subcommand -a wire -d 'the bytes of FastCGI, SCGI and uwsgi'
complete -c cgi-serve -n '__fish_seen_subcommand_from wire; and not __fish_seen_subcommand_from decode encode send' -x -a 'decode encode send'
${(['serve', ...subCommands] as const).flatMap(lines).join('\n')}
`;
};
