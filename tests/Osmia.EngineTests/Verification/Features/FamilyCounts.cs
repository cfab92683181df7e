using System.Text;
using Osmia.Verification;

namespace Osmia.Tests.Verification.Features;

/// <summary>How many verdicts agree, by family.</summary>
internal sealed class FamilyCounts
{
    private readonly SortedDictionary<string, Row> _rows = new(StringComparer.Ordinal);

    public int Programs => _rows.Values.Sum(row => row.Programs);

    public int Agreeing => _rows.Values.Sum(row => row.Agreeing);

    public int BothReject => _rows.Values.Sum(row => row.BothReject);

    public int SameSlot => _rows.Values.Sum(row => row.SameSlot);

    public void Add(string family, Verdict ours, bool isAccepted, bool isSameSlot)
    {
        Row row = _rows.GetValueOrDefault(family);
        bool bothReject = !isAccepted && ours == Verdict.Reject;
        _rows[family] = new Row(
            row.Programs + 1,
            row.Accepted + (isAccepted ? 1 : 0),
            row.OursAccepted + (ours == Verdict.Accept ? 1 : 0),
            row.Agreeing + (ours == (isAccepted ? Verdict.Accept : Verdict.Reject) ? 1 : 0),
            row.Unknown + (ours == Verdict.Unknown ? 1 : 0),
            row.Looser + (ours == Verdict.Accept && !isAccepted ? 1 : 0),
            row.BothReject + (bothReject ? 1 : 0),
            row.SameSlot + (bothReject && isSameSlot ? 1 : 0));
    }

    /// <summary>As the sheet in docs has it.</summary>
    public override string ToString()
    {
        var text = new StringBuilder("| family | programs | accepted, ours / kernel | agree | looser | cannot judge | same instruction |\n| --- | --- | --- | --- | --- | --- | --- |\n");
        foreach ((string family, Row row) in _rows)
        {
            Append(text, family, row);
        }

        Append(text, "all", _rows.Values.Aggregate(default(Row), (sum, row) => new Row(
            sum.Programs + row.Programs, sum.Accepted + row.Accepted, sum.OursAccepted + row.OursAccepted, sum.Agreeing + row.Agreeing,
            sum.Unknown + row.Unknown, sum.Looser + row.Looser, sum.BothReject + row.BothReject, sum.SameSlot + row.SameSlot)));
        return text.ToString().TrimEnd();
    }

    private static void Append(StringBuilder text, string family, Row row) =>
        text.Append($"| {family} | {row.Programs} | {row.OursAccepted} / {row.Accepted} | {row.Agreeing} | {row.Looser} | {row.Unknown} | {(row.BothReject == 0 ? "-" : $"{row.SameSlot} of {row.BothReject}")} |\n");

    private readonly record struct Row(int Programs, int Accepted, int OursAccepted, int Agreeing, int Unknown, int Looser, int BothReject, int SameSlot);
}
