using System.Text;

namespace Osmia.Cli.Skeleton;

/// <summary>C names as members of a class: <c>targ_pid</c> becomes <c>TargPid</c>; each once.</summary>
internal sealed class SkeletonNames(params IEnumerable<string> taken)
{
    private readonly HashSet<string> _taken = new(taken, StringComparer.Ordinal);

    public IEnumerable<string> Taken => _taken;

    /// <param name="kind">Stands behind a name that another member has already: <c>Map</c>, <c>Program</c>, <c>Variable</c>.</param>
    public string Take(string name, string kind)
    {
        string wanted = Pascal(name);
        string free = wanted;
        for (int number = 1; !_taken.Add(free); number++)
        {
            free = number == 1 ? wanted + kind : $"{wanted}{kind}{number}";
        }

        return free;
    }

    public static string Pascal(string name)
    {
        var text = new StringBuilder();
        bool isStart = true;
        foreach (char letter in name)
        {
            if (!char.IsAsciiLetterOrDigit(letter))
            {
                isStart = true;
                continue;
            }

            text.Append(isStart ? char.ToUpperInvariant(letter) : letter);
            isStart = false;
        }

        return text.Length == 0 || char.IsAsciiDigit(text[0]) ? "_" + text : text.ToString();
    }
}
