namespace Osmia.Vm.Compilation;

/// <summary>What is written as IL, as text by the instructions it comes from.</summary>
/// <param name="function">The slot at which the function begins.</param>
internal sealed class IlLog(int function)
{
    private readonly List<CompiledPiece> _pieces = [];
    private List<string> _lines = [];

    public IReadOnlyList<CompiledPiece> Pieces => _pieces.FindAll(piece => piece.Il.Count != 0);

    public void At(int slot, bool isAside)
    {
        _lines = [];
        _pieces.Add(new(slot, isAside) { Il = _lines, Function = function });
    }

    public void Write(string line) => _lines.Add(line);
}
