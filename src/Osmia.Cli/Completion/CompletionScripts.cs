namespace Osmia.Cli.Completion;

/// <summary>
/// What a shell loads so that TAB asks <c>osmia __complete</c>: the words so far as arguments, candidates as lines. The scripts know nothing of the
/// verbs, so they need no change when a verb comes.
/// </summary>
internal static class CompletionScripts
{
    public const string Question = "__complete";

    /// <summary>Asks for the table of verbs, which the documentation holds.</summary>
    public const string Grammar = "__grammar";

    public static IReadOnlyDictionary<string, string> All { get; } = new Dictionary<string, string>
    {
        ["bash"] = """
            # Completion of osmia for bash:  source <(osmia completion bash)
            _osmia() {
                local current=${COMP_WORDS[COMP_CWORD]} line
                COMPREPLY=()
                while IFS= read -r line; do
                    if [ "$line" = :files ]; then
                        compopt -o filenames 2>/dev/null
                        while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$current")
                    else
                        COMPREPLY+=("${line%%$'\t'*}")
                    fi
                done < <("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
            }
            complete -F _osmia osmia ./osmia

            """,
        ["zsh"] = """
            #compdef osmia
            # Completion of osmia for zsh:  source <(osmia completion zsh)
            _osmia() {
                local line
                local -a found
                for line in "${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
                    if [[ $line == :files ]]; then
                        _files
                    elif [[ $line == *$'\t'* ]]; then
                        found+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
                    elif [[ -n $line ]]; then
                        found+=("${line//:/\\:}")
                    fi
                done
                (( ${#found} )) && _describe osmia found
            }
            compdef _osmia osmia

            """,
        ["fish"] = """
            # Completion of osmia for fish:  osmia completion fish | source
            function __osmia_complete
                set -l before (commandline -opc)
                set -l current (commandline -ct)
                for line in ($before[1] __complete $before[2..-1] -- "$current" 2>/dev/null)
                    if test "$line" = :files
                        __fish_complete_path "$current"
                    else
                        echo $line
                    end
                end
            end
            complete -c osmia -f -a '(__osmia_complete)'

            """,
    };
}
