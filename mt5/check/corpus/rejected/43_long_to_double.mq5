// 43: 64 bits are converted to 53.
void OnTick() { double login = AccountInfoInteger(ACCOUNT_LOGIN); Print(login); }
