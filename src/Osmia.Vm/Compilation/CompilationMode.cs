namespace Osmia.Vm.Compilation;

/// <param name="IsChecked">Accesses are compared with the program's regions. Without, the program must have been proved safe.</param>
/// <param name="IsMetered">Loops and calls take from the run's budget.</param>
internal readonly record struct CompilationMode(bool IsChecked, bool IsMetered);
