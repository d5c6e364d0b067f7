/* SPDX-License-Identifier: MIT */
/*
 * 07_mutex.c: state that goroutines share, under a mutex, with a condition to wait for.
 *
 * Ten goroutines pay in, one wants to take out more than there is at first. Parked goroutines cost
 * no thread. All of it is valid when zeroed; nothing is to be destroyed.
 */
#include <rung.h>
#include <stdio.h>

static struct account {
    rung_mutex mutex;
    rung_cond paid_in;
    int balance; /* under mutex */
} account;

static int pay_in(void *arg)
{
    int error = rung_sleep(RUNG_MILLISECONDS(5));
    (void)arg;
    rung_mutex_lock(&account.mutex);
    account.balance += 10;
    rung_cond_signal(&account.paid_in);
    rung_mutex_unlock(&account.mutex);
    return error;
}

static int take_out(void *arg)
{
    int amount = *(int *)arg, error = 0;
    rung_mutex_lock(&account.mutex);
    while (account.balance < amount && error == 0)
        error = rung_cond_wait(&account.paid_in, &account.mutex); /* held again, error or not */
    if (error == 0) {
        account.balance -= amount;
        printf("took out %d\n", amount);
    }
    rung_mutex_unlock(&account.mutex);
    return error;
}

static int app(void *arg)
{
    int amount = 75, error = 0;
    rung_group group;
    (void)arg;
    rung_group_open(&group, RUNG_SECONDS(60));
    error = rung_group_go(&group, take_out, &amount);
    for (int i = 0; i < 10 && error == 0; i++)
        error = rung_group_go(&group, pay_in, NULL);
    int first = rung_group_wait(&group);
    printf("balance %d\n", account.balance);
    return first < 0 ? first : error;
}

int main(void)
{
    return rung_run(app, NULL) < 0;
}
