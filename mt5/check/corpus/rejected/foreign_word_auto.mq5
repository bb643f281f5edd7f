// foreign_word: auto.
void OnTick() { auto a = 1; Print(a); }
