using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Osmia.EngineTests")]
[assembly: InternalsVisibleTo("Osmia.Vm")]
