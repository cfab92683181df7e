using System.Runtime.CompilerServices;

// The assembler of whole objects reads its instructions with the parts of the assembler of streams.
[assembly: InternalsVisibleTo("Osmia.Objects")]
