// foreign_word: long long.
void OnTick() { long long a = 1; Print(a); }
