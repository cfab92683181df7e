namespace Osmia.Vm.Compilation;

/// <param name="IsMetered">Loops and calls take from the run's budget.</param>
internal readonly record struct CompilationMode(bool IsMetered);
