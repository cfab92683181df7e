using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Osmia.EngineTests")]
