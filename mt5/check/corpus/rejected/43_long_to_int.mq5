// 43: A long becomes an int.
void OnTick() { int login = AccountInfoInteger(ACCOUNT_LOGIN); Print(login); }
