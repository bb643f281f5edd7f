// 239: A number with letters.
void OnTick() { int a = 12abc; Print(a); }
