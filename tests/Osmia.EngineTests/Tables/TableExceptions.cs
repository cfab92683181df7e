namespace Osmia.Tests.Tables;

/// <summary>
/// Where this kind of kernel and a table rightly differ: tests/Osmia.EngineTests/Tables/exceptions.txt, a line each with its reason.
/// </summary>
internal static class TableExceptions
{
    private sealed record Row(string Check, string Subject, string Place, string Reason);

    private static readonly Row[] s_rows = Read();

    public static bool Holds(string check, string subject, string place) =>
        s_rows.Any(row => row.Check == check && (row.Subject == subject || row.Subject == "*")
            && (row.Place == "*" || row.Place == place || place.StartsWith(row.Place + "/", StringComparison.Ordinal)));

    public static IEnumerable<(string Check, string Reason)> All => s_rows.Select(row => (row.Check, row.Reason));

    private static Row[] Read() =>
    [
        .. File.ReadLines(RepositoryFiles.PathOf("tests", "Osmia.EngineTests", "Tables", "exceptions.txt"))
            .Where(line => line.Length > 0 && line[0] != '#')
            .Select(line => line.Split('|', StringSplitOptions.TrimEntries))
            .Select(cells => cells.Length == 4 ? new Row(cells[0], cells[1], cells[2], cells[3]) : throw new InvalidDataException($"exceptions.txt: {string.Join('|', cells)}")),
    ];
}
