// foreign_word: unsigned.
void OnTick() { unsigned int a = 1; Print(a); }
