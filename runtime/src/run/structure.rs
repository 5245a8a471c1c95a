//! What must hold of a stored state before anything is done with it: whoever follows its scopes comes to an end.

use super::state::{Place, RunState, ScopeId, ScopeState, StepState};
use crate::plan::Plan;

impl RunState {
    /// What is wrong with the structure of a state that was read, if anything is.
    pub(super) fn structural_damage(&self, plan: &Plan) -> Option<String> {
        if !self.scopes.contains_key(&ScopeId::ROOT) {
            return Some("the run has no scope".to_owned());
        }
        let mut scopes = self.scopes.iter();
        scopes.find_map(|(id, scope)| {
            let damage = self.damage_of_scope(plan, *id, scope)?;
            Some(format!("scope {}: {damage}", id.0))
        })
    }

    fn damage_of_scope(&self, plan: &Plan, id: ScopeId, scope: &ScopeState) -> Option<String> {
        if id.0 >= self.next_scope {
            return Some("its number is yet to be given".to_owned());
        }
        let block = plan.block(scope.block);
        let fits = block.is_some_and(|block| {
            block.first == scope.first && usize::try_from(block.count) == Ok(scope.steps.len())
        });
        if !fits {
            return Some("its steps are not those of its block".to_owned());
        }
        // A scope is opened in an older one: this alone rules out circles.
        let has_owner = match (scope.parent, scope.node) {
            (Some(parent), Some(node)) => {
                let owner = Place {
                    scope: parent,
                    node,
                };
                parent < id && self.step(owner).is_some()
            }
            (None, None) => id == ScopeId::ROOT || self.undo.contains(&id),
            _ => false,
        };
        if !has_owner {
            return Some("it stands in no scope that was there before".to_owned());
        }
        let mut steps = self.places(id);
        steps.find_map(|(place, step)| self.damage_of_block(place, step))
    }

    fn damage_of_block(&self, place: Place, step: &StepState) -> Option<String> {
        let block = step.block.as_deref()?;
        let mut scopes = block.scopes.iter();
        let strange = scopes.find(|scope| self.owner(**scope) != Some(place));
        if let Some(scope) = strange {
            return Some(format!(
                "node {} has scope {}, which is not its own",
                place.node.0, scope.0
            ));
        }
        let cursor = block.cursor.as_ref()?;
        let count = cursor.items.len();
        (cursor.next > count || cursor.results.len() > count)
            .then(|| format!("the loop of node {} is past its last element", place.node.0))
    }
}
